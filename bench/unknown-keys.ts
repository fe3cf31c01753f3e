import { createKeyward, type KeywardOptions } from 'keyward'
import { generatedStore, headOf, makeKeys } from './generated-keys.ts'
import { number, printTable, verdict } from './table.ts'

/** Keys sent at once: as many as may wait for the store together. */
const BATCH = 1_000
const keys = process.argv.includes('--quick') ? 100_000 : 1_000_000

interface Flood {
  readonly name: string
  /** Microseconds of processor time a key, making it not included. */
  readonly microseconds: number
  readonly reads: number
  readonly heapMegabytes: number
  readonly residentMegabytes: number
}

const onePeer = () => '203.0.113.7'
const floods = [
  await flood('well-formed and unknown, failed attempts not counted', undefined, (key) => key, onePeer),
  await flood('well-formed and unknown, one address', 'peer', (key) => key, onePeer),
  await flood('well-formed and unknown, each from an IPv6 /64 of its own', 'peer', (key) => key, ipv6),
  await flood('with a wrong checksum', 'peer', wrongChecksum, onePeer),
]

printTable(
  `${number(keys)} keys that nobody was given`,
  ['', 'µs a key', 'reads of the store', 'heap growth, MB', 'RSS growth, MB'],
  floods.map((each) => [
    each.name,
    number(each.microseconds, 2),
    number(each.reads),
    number(each.heapMegabytes, 1),
    number(each.residentMegabytes, 1),
  ]),
)
verdict('Reads for a wrong checksum', floods[3]!.reads, 'at most', 0, 0)
verdict('Greatest growth of the heap, MB', Math.max(...floods.map((each) => each.heapMegabytes)), 'at most', 50, 1)

/** Sends keys, and says what they cost and what they leave behind once the bounded memories are full. */
async function flood(
  name: string,
  clientAddress: KeywardOptions['clientAddress'],
  damage: (key: string) => string,
  address: (index: number) => string,
): Promise<Flood> {
  const store = generatedStore(false)
  const keyward = createKeyward({ store, clientAddress })
  await keyward.ready()
  const route = keyward.route()
  const before = usedBytes()
  let spent = 0
  for (let sent = 0; sent < keys; sent += BATCH) {
    const heads = makeKeys(BATCH).map((key, index) => headOf(damage(key), address(sent + index)))
    const { user, system } = process.cpuUsage()
    const decisions = await Promise.all(heads.map((head) => keyward.admit(keyward.receive(head), route)))
    const after = process.cpuUsage()
    spent += after.user + after.system - user - system
    if (!decisions.every(({ denied }) => denied)) throw new Error('A key that nobody was given was admitted.')
  }
  const after = usedBytes()
  await keyward.close()
  return {
    name,
    microseconds: spent / keys,
    reads: store.reads(),
    heapMegabytes: (after.heap - before.heap) / 1e6,
    residentMegabytes: (after.resident - before.resident) / 1e6,
  }
}

/** An address in a network of its own for each number. */
function ipv6(index: number): string {
  return `2001:db8:${(index >>> 16).toString(16)}:${(index & 0xffff).toString(16)}::1`
}

function wrongChecksum(key: string): string {
  return key.slice(0, -1) + (key.endsWith('0') ? '1' : '0')
}

function usedBytes(): { readonly heap: number; readonly resident: number } {
  if (globalThis.gc === undefined) throw new Error('Start node with --expose-gc.')
  globalThis.gc()
  const { heapUsed, external, rss } = process.memoryUsage()
  return { heap: heapUsed + external, resident: rss }
}
