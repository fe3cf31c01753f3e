import { randomUUID } from 'node:crypto'
import { appendFileSync } from 'node:fs'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { createKeyward, type KeywardEvent } from 'keyward'
import { requireKey } from '../../adapters/node-http-adapter.ts'
import { type Hammer, hammer } from './hammer.ts'
import { openBackends } from './instance-backends.ts'
import type { Answer, Call, HammerOptions, InstanceConfig, ToldEvent } from './instance-config.ts'

/**
 * One instance of a fleet, in a process of its own: an HTTP server with `/hit`, which faces the policy `default`,
 * `/free`, which faces none, `/spend`, which takes a credit, `/once`, which takes one too and runs once for each
 * idempotency key, and `/health`; everything else a test asks for by messages.
 */
const config = JSON.parse(process.argv[2] ?? '{}') as InstanceConfig
const backends = await openBackends(config)
const events: ToldEvent[] = []
const keyward = createKeyward({
  store: backends.store,
  gate: backends.gate,
  fleet: { ...config.fleet, channel: backends.channel },
  limits: { policies: config.policies ?? {}, default: [] },
  idempotency: config.idempotency,
  onEvent: noteEvent,
})

function noteEvent(event: KeywardEvent): void {
  if (event.type === 'admitted' || event.type === 'denied' || event.type === 'stale') return
  const { cause, ...rest } = event as KeywardEvent & { cause?: unknown }
  events.push(cause === undefined ? rest : { ...rest, cause: describe(cause) })
}

function describe(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause)
  return cause.cause === undefined ? String(cause) : `${String(cause)} (${describe(cause.cause)})`
}

const greet: RequestListener = (_request, response) => {
  response.setHeader('Content-Length', '2')
  response.end('ok')
}
const hit = requireKey(keyward, config.policies?.['default'] === undefined ? {} : { policies: ['default'] })(greet)
const free = requireKey(keyward)(greet)
const spend = requireKey(keyward, { credits: 1 })(greet)
const once = requireKey(keyward, { credits: 1, idempotency: {} })(async (request, response) => {
  if (config.runsFile !== undefined) appendFileSync(config.runsFile, `${request.headers['x-run']}\n`)
  await sleep(config.handlerMs ?? 0)
  response.setHeader('Content-Type', 'application/json')
  response.end(JSON.stringify({ id: randomUUID() }))
})
const routes: Readonly<Record<string, RequestListener>> = { '/hit': hit, '/free': free, '/spend': spend, '/once': once }
const server = createServer(async (request, response) => {
  await (routes[request.url ?? ''] ?? greet)(request, response)
})

const hammers = new Map<number, Hammer>()

const own: Readonly<Record<string, (...args: never[]) => unknown>> = {
  ready: () => keyward.ready(),
  events: () => events,
  now: () => Date.now(),
  authenticate: async (apiKey: string, options: HammerOptions) => {
    const decision = await keyward.authenticate({ authorization: `Bearer ${apiKey}` }, options)
    return decision.denied ? decision.code : 'admitted'
  },
  hammer: async (apiKey: string, options: HammerOptions) => {
    const number = hammers.size + 1
    const started = hammer(keyward, apiKey, options)
    hammers.set(number, started)
    await started.warm
    return number
  },
  stopHammer: async (number: number, more?: number) => hammers.get(number)?.stop(more),
  close,
}

async function close(): Promise<void> {
  server.close()
  server.closeAllConnections()
  await keyward.close()
  await backends.close()
}

async function run({ method, args }: Call): Promise<unknown> {
  const [room, name] = method.split('.')
  if (name === undefined) return own[method]?.(...(args as never[]))
  const methods = keyward[room as 'keys' | 'limits' | 'credits'] as unknown as typeof own
  return methods[name]?.(...(args as never[]))
}

process.on('message', async (call: Call) => {
  const begunNs = process.hrtime.bigint()
  const { number } = call
  try {
    const value = await run(call)
    send({ number, value, begunNs, endedNs: process.hrtime.bigint() })
  } catch (error) {
    const { name, message, code } = error as Error & { code?: unknown }
    send({ number, error: { name, message, code } })
  }
})
// Whoever started it is gone.
process.on('disconnect', () => process.exit())

function send(answer: Answer): void {
  if (process.connected) process.send?.(answer)
}

server.listen(0, '127.0.0.1', async () => {
  const { port } = server.address() as AddressInfo
  // A failure is no reason not to run: requests are 503 until what is missing is there.
  await keyward.ready().catch(() => {})
  send({ number: 0, value: port, begunNs: 0n, endedNs: process.hrtime.bigint() })
})
