import { hash } from 'node:crypto'
import {
  createKeyward,
  type Denial,
  type Identity,
  type Keyward,
  type MaybePromise,
  memoryGate,
  type RequestHead,
  type Route,
  systemClock,
  type Window,
} from 'keyward'
import { do_not_optimize, measure } from 'mitata'
import { flat, generatedStore, headOf, makeKeys } from './generated-keys.ts'
import { number, printTable, verdict } from './table.ts'

/** Nanoseconds a call: of half of the batches no more, and on average, garbage collection included. */
interface Cost {
  readonly name: string
  readonly median: number
  readonly mean: number
}

/** What is measured of a keyward with a key that has a copy. */
type Call = (keyward: Keyward, head: RequestHead, route: Route) => MaybePromise<Identity | Denial> | Identity['headers']

const MINUTE: Window = { limit: 100, windowSeconds: 60 }
const COARSE: Window = { limit: 1_000_000, windowSeconds: 60 }
const CLOSED: Window = { limit: 0, windowSeconds: 60 }
const manyKeys = process.argv.includes('--quick') ? 100_000 : 1_000_000

const oneKey = makeKeys(1)
const parts = await measureFloor(oneKey[0]!)
const floor = parts.at(-1)!
const hot = await measureCall('one hot key, its window always full', oneKey, MINUTE, admit)
const fields = await measureCall('… and its three header fields', oneKey, MINUTE, headerFields)
const headers = await measureCall('… through authenticate(headers)', oneKey, MINUTE, authenticate)
const coarse = await measureCall('… at a limit of 1,000,000 a minute', oneKey, COARSE, admit)
const refused = await measureCall('… refused: a finished 429', oneKey, CLOSED, admit)
const some = await measureCall('10,000 keys at random', makeKeys(10_000), MINUTE, admit)
const everyKey = makeKeys(manyKeys)
const floorOfMany = await measureFloorOf(everyKey)
const many = await measureCall(`${number(manyKeys)} keys at random`, everyKey, MINUTE, admit)

printTable(
  'Authenticate and one window, in process',
  ['', 'ns, median', 'ns, mean', '× floor', '× one key'],
  [...parts, hot, fields, headers, coarse, refused, some, floorOfMany, many].map((cost) => [
    cost.name,
    number(cost.median),
    number(cost.mean),
    number(cost.median / floor.median, 2),
    number(cost.median / hot.median, 2),
  ]),
)
verdict('One hot key, × floor', hot.median / floor.median, 'at most', 3)
verdict(`${number(manyKeys)} keys, × one key`, many.median / hot.median, 'at most', 2)

function admit(keyward: Keyward, head: RequestHead, route: Route): MaybePromise<Identity | Denial> {
  return keyward.admit(keyward.receive(head), route)
}

function headerFields(keyward: Keyward, head: RequestHead, route: Route): Identity['headers'] {
  return (admit(keyward, head, route) as Identity).headers
}

function authenticate(keyward: Keyward, head: RequestHead): MaybePromise<Identity | Denial> {
  return keyward.authenticate({ authorization: head.header('authorization') })
}

/** What no check of a key can do without: each part, then all together. */
async function measureFloor(key: string): Promise<Cost[]> {
  const digest = hash('sha256', key, 'base64url')
  const known = new Map([[digest, 1]])
  return [
    await measured('floor: SHA-256 of a key', (text) => hash('sha256', text, 'base64url'), key),
    await measured('floor: look-up in a map', (text) => known.get(text), digest),
    await measured('floor: clock', () => performance.now(), key),
    await measured('floor', (text) => known.get(hash('sha256', text, 'base64url'))! + performance.now(), key),
  ]
}

/** The floor where a map of all keys is in memory and not in the processor's cache. */
async function measureFloorOf(keys: readonly string[]): Promise<Cost> {
  const known = new Map(keys.map((key) => [hash('sha256', key, 'base64url'), 1]))
  const call = (text: string) => known.get(hash('sha256', text, 'base64url'))! + performance.now()
  return measureBatches(`floor: ${number(keys.length)} keys at random`, call, () => flat(anyOf(keys)))
}

function anyOf(keys: readonly string[]): string {
  return keys[Math.floor(Math.random() * keys.length)]!
}

function measured(name: string, call: (text: string) => unknown, text: string): Promise<Cost> {
  return measureBatches(name, call, () => flat(text))
}

/**
 * Measures calls with keys that have copies. The gate's clock runs ahead by just as much as lets every call through
 * while windows stay full; asking it costs what the machine's own does.
 */
async function measureCall(name: string, keys: readonly string[], window: Window, call: Call): Promise<Cost> {
  const stepMs = (window.windowSeconds * 1_010) / (Math.max(1, window.limit) * keys.length)
  let aheadMs = 0
  const monotonic = () => {
    aheadMs += stepMs
    return performance.now() + aheadMs
  }
  const store = generatedStore(true)
  const keyward = createKeyward({
    store,
    gate: memoryGate({ clock: { now: systemClock.now, monotonic } }),
    limits: { policies: { default: [window] } },
    keys: { copies: { maxCopies: Math.max(100_000, keys.length) } },
  })
  await keyward.ready()
  const route = keyward.route({ scopes: ['videos:write'] })
  for (let i = 0; i < keys.length; i += 1_000)
    await Promise.all(keys.slice(i, i + 1_000).map((key) => admit(keyward, headOf(key), route)))
  const cost = await measureBatches(
    name,
    (head) => call(keyward, head, route),
    () => headOf(anyOf(keys)),
  )
  if (store.reads() !== keys.length) throw new Error(`${name}: copies grew too old while they were measured`)
  await keyward.close()
  return cost
}

/**
 * Measures a call in batches; what it is called with is made before each batch, as a socket would. Time is the
 * processor's, all threads of this process together, so that other processes do not count.
 */
async function measureBatches<T>(name: string, call: (argument: T) => unknown, next: () => T): Promise<Cost> {
  globalThis.gc?.()
  await new Promise((swept) => setTimeout(swept, 200 + process.memoryUsage().heapUsed / 1e6))
  const warmUntil = performance.now() + 500
  while (performance.now() < warmUntil) do_not_optimize(call(next()))
  const { p50: median, avg: mean } = await measure(
    function* () {
      yield { [0]: next, bench: (argument: T) => do_not_optimize(call(argument)) }
    },
    { batch_samples: 512, min_samples: 200, min_cpu_time: 400e6, now: processorTime, gc: false },
  )
  return { name, median, mean }
}

/** Processor time of this process in nanoseconds. */
function processorTime(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) * 1_000
}
