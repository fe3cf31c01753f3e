import { memory, StoreUnavailableError } from '../../index.ts'
import { expectEqual, expectThat } from '../expectations.ts'
import {
  type AdapterCase,
  adapterCase,
  type ContractReply,
  type ContractRoute,
  expectRefusal,
  type Site,
  type SiteOptions,
} from './adapter-case.ts'
import type { RawResponse } from './raw-http.ts'

const jobs: ContractRoute = {
  method: 'POST',
  path: '/jobs',
  guards: [{ credits: 2, idempotency: {} }],
  handle: (body) => ({ json: body }),
}

/** A site that sells `POST /jobs` for 2 credits, and tells what is left. */
const shop = (changes: Partial<ContractRoute> = {}, more: SiteOptions = {}): SiteOptions => ({
  credits: { header: 'X-Credits-Left' },
  routes: [{ ...jobs, ...changes }],
  ...more,
})

const handles = (handle: () => ContractReply | Promise<ContractReply>) => shop({ handle })

/** Sends `POST /jobs` with the key, a body, and an idempotency key where one is given. */
function post(site: Site, body: string, idempotencyKey?: string): Promise<RawResponse> {
  const named = idempotencyKey === undefined ? [] : [`Idempotency-Key: ${idempotencyKey}`]
  const lines = [`Authorization: Bearer ${site.key.apiKey}`, 'Content-Type: application/json', ...named]
  return site.send('POST', '/jobs', lines, body)
}

async function sellCredits(site: Site, amount: number): Promise<void> {
  await site.keyward.credits.topUp({ owner: 'test' }, { amount })
}

/** Waits until the owner has just so many credits: what a response without an idempotency key gives back comes after it. */
async function expectBalance(site: Site, balance: number): Promise<void> {
  for (let wait = 0; wait < 200; wait++) {
    if ((await site.keyward.credits.get({ owner: 'test' })).balance === balance) return
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  expectEqual((await site.keyward.credits.get({ owner: 'test' })).balance, balance, 'credits left')
}

/** Throws unless the second of two equal requests was given what the first was. */
function expectReplay(first: RawResponse, again: RawResponse, fields: readonly string[] = ['content-type']): void {
  expectEqual([again.status, again.body], [first.status, first.body], 'status and body of the replay')
  for (const name of fields) expectEqual(again.field(name), first.field(name), `${name} of the replay`)
  expectEqual(first.field('idempotent-replayed'), undefined, 'Idempotent-Replayed of the first')
  expectEqual(again.field('idempotent-replayed'), 'true', 'Idempotent-Replayed')
  expectEqual(again.field('idempotency-original-request-id'), first.field('x-request-id'), 'id of the first request')
  expectThat(again.field('x-request-id') !== first.field('x-request-id'), 'the replay has the id of the first request')
}

/** What a route claims and takes, and what it comes to. */
export const exchangeCases: readonly AdapterCase[] = [
  adapterCase(
    'takes credits before the handler, tells what is left, and refuses who has too few',
    shop(),
    async (site) => {
      await sellCredits(site, 5)
      for (const left of ['3', '1'])
        expectEqual((await post(site, '{}')).field('x-credits-left'), left, 'X-Credits-Left')
      expectRefusal(await post(site, '{}'), 402, 'insufficient_credits')
      site.expectRuns(2)
      await expectBalance(site, 1)
    },
  ),
  adapterCase(
    'gives credits back for a handler that throws, and keeps its answer under an idempotency key',
    handles(() => {
      throw new Error('secret-detail')
    }),
    async (site) => {
      await sellCredits(site, 10)
      expectRefusal(await post(site, '{}'), 500, 'internal_error')
      await expectBalance(site, 10)
      const first = await post(site, '{}', 'k')
      expectRefusal(first, 500, 'internal_error')
      expectReplay(first, await post(site, '{}', 'k'))
      site.expectRuns(2)
      await expectBalance(site, 10)
    },
  ),
  adapterCase('gives the first response again to the same request, for nothing', shop(), async (site) => {
    await sellCredits(site, 10)
    const first = await post(site, '{"a":1}', 'k')
    expectReplay(first, await post(site, '{"a":1}', '"k"'))
    expectRefusal(await post(site, '{"a":2}', 'k'), 409, 'idempotency_key_mismatch')
    site.expectRuns(1)
    await expectBalance(site, 8)
  }),
  adapterCase(
    'gives a redirect again, with its Location',
    handles(() => ({ redirect: '/done' })),
    async (site) => {
      await sellCredits(site, 10)
      expectReplay(await post(site, '{}', 'k'), await post(site, '{}', 'k'), ['location'])
      site.expectRuns(1)
    },
  ),
  adapterCase(
    "gives the host's own error again, which costs nothing",
    handles(() => ({ error: 'validation_failed' })),
    async (site) => {
      await sellCredits(site, 10)
      const first = await post(site, '{}', 'k')
      expectEqual(first.status, 422, 'status')
      expectEqual((await post(site, '{}', 'k')).body, first.body, 'body of the replay')
      site.expectRuns(1)
      await expectBalance(site, 10)
    },
  ),
  adapterCase(
    'lets a stream through, and neither gives it again nor makes it twice',
    handles(() => ({ chunks: ['one ', 'two ', 'x'.repeat(100_000)] })),
    async (site) => {
      await sellCredits(site, 10)
      const first = await post(site, '{}', 'k')
      expectEqual([first.status, first.body.length], [200, 100_008], 'stream')
      const again = await post(site, '{}', 'k')
      // What a framework has sent in one piece may be given again.
      if (again.status === 200) expectEqual(again.body, first.body, 'body of the replay')
      else expectRefusal(again, 409, 'idempotency_not_replayable')
      site.expectRuns(1)
      await expectBalance(site, 8)
    },
  ),
  adapterCase(
    'refuses a body that is too long for the route, or for the framework, and keeps nothing of it',
    shop({ guards: [{ credits: 2, idempotency: { maxBodyBytes: 20_000 } }] }),
    async (site) => {
      await sellCredits(site, 10)
      for (const size of [15_000, 25_000])
        expectRefusal(await post(site, JSON.stringify('x'.repeat(size)), 'k'), 413, 'payload_too_large')
      site.expectRuns(0)
      await expectBalance(site, 10)
      expectEqual((await post(site, '{}', 'k')).status, 200, 'status of another body')
      site.expectRuns(1)
    },
  ),
  adapterCase(
    'hands a body that it has read to the handler as it came, in chunks too',
    shop({ guards: [{ idempotency: {} }] }),
    async (site) => {
      const text = JSON.stringify({ text: 'u'.repeat(9_000), more: [1, 2, { a: null }] })
      expectEqual((await post(site, text, 'k')).body, text, 'body')
      const head = ['POST /jobs HTTP/1.1', 'Host: localhost', `Authorization: Bearer ${site.key.apiKey}`]
      const lines = [...head, 'Content-Type: application/json', 'Idempotency-Key: k', 'Transfer-Encoding: chunked']
      const size = (text.length - 1).toString(16)
      const chunks = `1\r\n${text[0]}\r\n${size}\r\n${text.slice(1)}\r\n0\r\n\r\n`
      const [again] = (await site.exchange(`${lines.join('\r\n')}\r\n\r\n${chunks}`, ['POST'])).responses
      expectEqual([again?.field('idempotent-replayed'), again?.body], ['true', text], 'the same body in chunks')
      site.expectRuns(1)
    },
  ),
  adapterCase(
    'keeps nothing of what a second guard refuses',
    shop({ guards: [{ credits: 2, idempotency: {} }, { scopes: ['more'] }] }),
    async (site) => {
      await sellCredits(site, 10)
      expectRefusal(await post(site, '{}', 'k'), 403, 'insufficient_scope')
      await expectBalance(site, 10)
      site.expectRuns(0)
      await site.keyward.keys.update(site.key.id, { scopes: ['more'] })
      const allowed = await post(site, '{}', 'k')
      expectEqual([allowed.status, allowed.field('idempotent-replayed')], [200, undefined], 'answer once it is allowed')
      site.expectRuns(1)
      await expectBalance(site, 8)
    },
  ),
  adapterCase(
    'says on the response that it could not be kept',
    shop({}, { makeStore: (clock) => forgetful(memory({ losesDataOnExit: true, clock })) }),
    async (site) => {
      await sellCredits(site, 10)
      const first = await post(site, '{}', 'k')
      expectEqual([first.status, first.field('idempotency-stored')], [200, 'false'], 'answer that was not kept')
      expectRefusal(await post(site, '{}', 'k'), 409, 'idempotency_in_progress')
      site.expectRuns(1)
    },
  ),
]

/** A store that keeps no answer. */
function forgetful(store: ReturnType<typeof memory>): ReturnType<typeof memory> {
  const { claims } = store
  if (claims === undefined) throw new Error('The memory store keeps claims.')
  const away = (): Promise<never> => Promise.reject(new StoreUnavailableError('away'))
  const broken = new Proxy(claims, {
    get(target, name) {
      const value: unknown = name === 'complete' ? away : Reflect.get(target, name)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
  return { ...store, claims: broken }
}
