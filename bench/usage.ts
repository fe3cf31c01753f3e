import { IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import { setImmediate } from 'node:timers/promises'
import { countNode, createKeyward, headOfNode, type Keyward, type Route, receiveOnce } from 'keyward'
import { generatedStore, makeKeys, rawHeadersOf } from './generated-keys.ts'
import { number, printTable, verdict } from './table.ts'

/** Requests that are timed at once, as many as a busy server has under way, and how often: the kinds take turns, so that whatever else the machine does meets them all. */
const REQUESTS = 100
const ROUNDS = 5_000
const [apiKey = ''] = makeKeys(1)
const APP = ['Referer', 'https://app.example/', 'X-Title', 'App']

const kinds = [
  { name: 'usage is switched off', isOn: false, more: [] },
  { name: 'usage', isOn: true, more: [] },
  { name: 'usage is switched off, and the request names its app', isOn: false, more: APP },
  { name: 'usage of a request that names its app', isOn: true, more: APP },
] as const
const opened = await Promise.all(kinds.map(async (kind) => ({ ...kind, ...(await open(kind.isOn)) })))
for (let round = 0; round < ROUNDS; round += 1)
  for (const { keyward, route, more, times } of opened) times.push(await run(keyward, route, more))
const deciles = opened.map(({ times }) => times.sort((one, other) => one - other)[ROUNDS / 10] ?? 0)
const usage = deciles.map((decile, index) => (index % 2 === 0 ? 0 : decile - (deciles[index - 1] ?? 0)))

printTable(
  'Usage, on the way of a request that is admitted and answered on Node',
  ['', 'ns, best decile', 'ns of usage'],
  opened.map(({ name }, index) => [name, number(deciles[index] ?? 0), number(usage[index] ?? 0)]),
)
verdict('Usage, µs a request', (usage[1] ?? 0) / 1_000, 'at most', 0.3)
for (const { keyward } of opened) await keyward.close()

interface Opened {
  readonly keyward: Keyward
  readonly route: Route
  readonly times: number[]
}

async function open(isOn: boolean): Promise<Opened> {
  const limits = { policies: { default: [{ limit: 1_000_000, windowSeconds: 60 }] } }
  const keyward = createKeyward({ store: generatedStore(true), limits, usage: isOn })
  await keyward.ready()
  return { keyward, route: keyward.route({ scopes: ['videos:write'] }), times: [] }
}

/** Nanoseconds that a request takes, once Node has made its request and response: from its head to the end of its response. */
async function run(keyward: Keyward, route: Route, more: readonly string[]): Promise<number> {
  // What waits for its time goes first: a key whose copy is old is read again, and not by the requests that are timed.
  await setImmediate()
  const first = await keyward.admit(keyward.receive(headOfNode(makeExchange([]).request)), route)
  if (first.denied) throw new Error(`The key is refused: ${first.code}.`)
  return timed(keyward, route, more)
}

function timed(keyward: Keyward, route: Route, more: readonly string[]): number {
  const exchanges = Array.from({ length: REQUESTS }, () => makeExchange(more))
  const begunAt = performance.now()
  for (const { request, response } of exchanges) {
    const context = receiveOnce(keyward, request, headOfNode(request))
    keyward.admit(context, route)
    countNode(context, response, { path: '/v1/videos/:id' })
    response.emit('close')
  }
  return ((performance.now() - begunAt) * 1e6) / REQUESTS
}

/** Node's own request and response, as its server makes them. */
function makeExchange(more: readonly string[]): {
  readonly request: IncomingMessage
  readonly response: ServerResponse
} {
  const request = new IncomingMessage(socket())
  request.method = 'POST'
  request.httpVersionMajor = 1
  request.httpVersionMinor = 1
  request.rawHeaders = rawHeadersOf(apiKey, more)
  const response = new ServerResponse(request)
  response.on('finish', () => {})
  return { request, response }
}

let shared: Socket | undefined
function socket(): Socket {
  shared ??= new Socket()
  return shared
}
