import { EventEmitter } from 'node:events'
import { countNode, createKeyward, type Keyward, type Route } from 'keyward'
import { generatedStore, headOf, makeKeys } from './generated-keys.ts'
import { number, printTable, verdict } from './table.ts'

/** Requests of a round, and rounds of each: the cheapest counts, since whatever else the machine does only adds. */
const REQUESTS = 100_000
const ROUNDS = 7
const [apiKey = ''] = makeKeys(1)

/** A response as Node has it, of which somebody may want to know the end. */
class Response extends EventEmitter {
  readonly statusCode = 200
  readonly headersSent = true
}

const kinds = [
  { name: 'floor: usage is switched off', isOn: false, app: [] },
  { name: 'usage', isOn: true, app: [] },
  { name: '… of a request that names its app', isOn: true, app: ['Referer', 'https://app.example/', 'X-Title', 'App'] },
] as const
const opened = await Promise.all(kinds.map(async (kind) => ({ ...kind, ...(await open(kind.isOn)), best: Infinity })))
for (let round = 0; round < ROUNDS; round += 1)
  for (const each of opened) each.best = Math.min(each.best, run(each.keyward, each.route, each.app))
const floor = opened[0]?.best ?? 0

printTable(
  'Usage, on the way of a request that is admitted and answered on Node',
  ['', 'ns a request', 'ns of usage'],
  opened.map(({ name, best }) => [name, number(best), number(best - floor)]),
)
verdict('Usage, µs a request', ((opened[1]?.best ?? 0) - floor) / 1_000, 'at most', 0.3)
for (const { keyward } of opened) await keyward.close()

async function open(isOn: boolean): Promise<{ readonly keyward: Keyward; readonly route: Route }> {
  const limits = { policies: { default: [{ limit: 1_000_000, windowSeconds: 60 }] } }
  const keyward = createKeyward({ store: generatedStore(true), limits, usage: isOn })
  await keyward.ready()
  const route = keyward.route({ scopes: ['videos:write'] })
  const decision = await keyward.admit(keyward.receive(headOf(apiKey)), route)
  if (decision.denied) throw new Error(`The key is refused: ${decision.code}.`)
  return { keyward, route }
}

/** Nanoseconds of the processor's time that a request takes. Request and response are made right before, as a server makes them. */
function run(keyward: Keyward, route: Route, app: readonly string[]): number {
  globalThis.gc?.()
  const before = process.cpuUsage()
  for (let index = 0; index < REQUESTS; index += 1) {
    const response = new Response()
    const context = keyward.receive(headOf(apiKey, '127.0.0.1', app))
    keyward.admit(context, route)
    countNode(context, response, { path: '/v1/videos/:id' })
    response.emit('close')
  }
  const { user, system } = process.cpuUsage(before)
  return ((user + system) * 1_000) / REQUESTS
}
