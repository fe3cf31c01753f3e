import { createServer } from 'node:http'
import { describe, expect, it } from 'vitest'
import * as kw from '../../src/index.ts'
import type { AdapterHarness, ContractReply, ContractRoute } from '../../src/testing/adapter/adapter-case.ts'
import { adapterContract } from '../../src/testing/adapter-contract.ts'
import { listening } from './node-server.ts'

type Call = { readonly request: kw.NodeRequestLike & kw.NodeBodyLike; readonly response: kw.WatchedResponse }
type Guard = (keyward: kw.Keyward, route: kw.Route, call: Call) => Promise<boolean>

/** What an adapter does before the handler, and when it throws; each broken one differs in a step. */
interface Adapter {
  readonly guard: Guard
  readonly fail: (keyward: kw.Keyward, call: Call, error: unknown) => void
  readonly arrive: (keyward: kw.Keyward, call: Call) => void
}

const receive = (keyward: kw.Keyward, { request }: Call) => kw.receiveOnce(keyward, request, kw.headOfNode(request))

const sound: Adapter = {
  async guard(keyward, route, call) {
    const context = receive(keyward, call)
    const decision = await keyward.admit(context, route)
    if (decision.denied) {
      kw.answerNode(call.response, decision)
      return false
    }
    kw.setNodeHeaders(call.response, decision.headers)
    const answer = await kw.beginNode(keyward, context, route, call.request, call.response)
    if (answer !== undefined) kw.answerNode(call.response, answer)
    return answer === undefined
  },
  fail: (keyward, call, error) => kw.answerNode(call.response, keyward.denyError(receive(keyward, call), error)),
  arrive: (keyward, call) => kw.setNodeHeaders(call.response, [kw.idField(receive(keyward, call))]),
}

/** Replaces what a decision, or the request, is before the sound guard sees it. */
const guardWith = (change: (keyward: kw.Keyward, call: Call) => Partial<kw.Keyward>): Guard => {
  return (keyward, route, call) => {
    const seen = { ...keyward, ...change(keyward, call) }
    return sound.guard(seen, route, call)
  }
}

const broken: readonly (readonly [what: string, caughtBy: RegExp, adapter: Partial<Adapter>])[] = [
  [
    'runs the handler of a refused request',
    /^refuses no Authorization/,
    {
      guard: (...given) => sound.guard(...given).then(() => true),
    },
  ],
  [
    'reads headers where repeated lines are gone',
    /two equal Authorization lines/,
    {
      guard: guardWith((keyward, { request }) => ({
        receive: () => keyward.receive(kw.headOfNode({ headers: request.headers, rawHeaders: [] })),
        admit: (_context, route) =>
          keyward.admit(keyward.receive(kw.headOfNode({ headers: request.headers, rawHeaders: [] })), route),
      })),
    },
  ],
  [
    'takes a second guard for a second request',
    /mounted twice/,
    {
      guard: guardWith((keyward) => ({
        admit: (context, route) => keyward.admit(keyward.receive(context.head), route),
      })),
    },
  ],
  [
    'forgets the fields of an admitted request',
    /what is left, to the unit/,
    {
      guard: (keyward, route, call) => sound.guard(keyward, route, { ...call, response: silent(call.response) }),
    },
  ],
  [
    'leaves out the second half',
    /when the second half refuses at once/,
    {
      guard: guardWith(() => ({ begin: () => undefined })),
    },
  ],
  [
    'does not look after the response',
    /takes credits before the handler|could not be kept|first response again/,
    {
      async guard(keyward, route, call) {
        const begin: kw.Keyward['begin'] = (context, asked) =>
          kw.andThen(
            keyward.begin(context, asked, (most) => kw.readNodeBody(call.request, most)),
            (answer) => {
              context.exchange = undefined
              return answer
            },
          )
        return sound.guard({ ...keyward, begin }, route, call)
      },
    },
  ],
  [
    'reads no body',
    /the same request, for nothing/,
    {
      guard: guardWith((keyward) => ({
        begin: (context, route) => keyward.begin(context, route, () => new Uint8Array(0)),
      })),
    },
  ],
  [
    'takes what was answered before for leave to go on',
    /the same request, for nothing/,
    {
      guard: guardWith((keyward) => ({
        begin: (...given) =>
          kw.andThen(keyward.begin(...given), (answer) => (answer?.code === undefined ? undefined : answer)),
      })),
    },
  ],
  ['names no request before its guard', /names every request/, { arrive: () => {} }],
  [
    'tells the cause of a failure',
    /nothing of the cause when the handler throws/,
    {
      fail(keyward, call, error) {
        const message = error instanceof Error ? error.message : ''
        kw.answerNode(call.response, keyward.deny(receive(keyward, call), 'internal_error', { message }))
      },
    },
  ],
  [
    'answers every error with 500',
    /cannot be parsed/,
    {
      fail: (keyward, call) => kw.answerNode(call.response, keyward.deny(receive(keyward, call), 'internal_error')),
    },
  ],
  [
    'takes an error of the store for leave to go on',
    /when the store is away/,
    {
      async guard(keyward, route, call) {
        const decision = await keyward.admit(receive(keyward, call), route)
        return (decision.denied && decision.code === 'service_unavailable') || sound.guard(keyward, route, call)
      },
    },
  ],
]

describe('the contract of adapters', () => {
  it.each(broken)('catches one that %s', async (_, caughtBy, changes) => {
    const found = adapterContract.filter(({ name }) => caughtBy.test(name))
    expect(found.length).toBeGreaterThan(0)
    for (const { run } of found) await run(harness(sound))
    const verdicts = await Promise.allSettled(found.map(({ run }) => run(harness({ ...sound, ...changes }))))
    expect(verdicts.filter(({ status }) => status === 'rejected')).not.toEqual([])
  })

  it('has no two cases of one name', () => {
    expect(new Set(adapterContract.map(({ name }) => name)).size).toBe(adapterContract.length)
  })
})

/** A response whose first fields, those of the identity, are lost. */
function silent(response: kw.WatchedResponse): kw.WatchedResponse {
  return new Proxy(response, {
    get(target, name) {
      if (name === 'setHeader')
        return (field: string, value: string) => /^x-rate/i.test(field) || target.setHeader(field, value)
      const value: unknown = Reflect.get(target, name)
      return typeof value === 'function' ? value.bind(target) : value
    },
    set: (target, name, value) => Reflect.set(target, name, value),
  })
}

function harness(adapter: Adapter): AdapterHarness {
  return {
    listen(keyward, routes) {
      const server = createServer(async (request, response) => {
        const call: Call = { request, response }
        adapter.arrive(keyward, call)
        try {
          const path = request.url?.split('?')[0]
          const method = request.method === 'HEAD' ? 'GET' : request.method
          const route = routes.find((each) => each.path === path && each.method === method)
          if (route === undefined) throw new kw.NotFoundError('No route answers this request.')
          for (const options of route.guards) if (!(await adapter.guard(keyward, keyward.route(options), call))) return
          let body = ''
          for await (const chunk of request) body += chunk
          send(response, call, await route.handle(parse(route, body), () => kw.attachedIdentity(request)))
        } catch (error) {
          adapter.fail(keyward, call, error)
        }
      })
      return listening(server.listen(0, '127.0.0.1'))
    },
  }
}

function parse({ method }: ContractRoute, body: string): unknown {
  if (body.length > 10_000) throw Object.assign(new Error('too large'), { status: 413 })
  try {
    return method === 'POST' ? JSON.parse(body) : undefined
  } catch {
    throw Object.assign(new Error('no JSON'), { status: 400 })
  }
}

function send(response: kw.NodeResponseLike, { request }: Call, reply: ContractReply): void {
  if ('error' in reply) kw.answerNode(response, kw.attachedDenial(request, reply.error, reply.details))
  else if (!response.headersSent) response.end(JSON.stringify('json' in reply ? reply.json : null))
}
