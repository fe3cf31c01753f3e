import { createKeyward, type Gate, type GateAnswer, memoryGate, type Window } from 'keyward'
import { flat, generatedStore, headOf, makeKeys } from './generated-keys.ts'
import { number, printTable, verdict } from './table.ts'

const keys = process.argv.includes('--quick') ? 20_000 : 100_000
const windows: readonly Window[] = [{ limit: 100, windowSeconds: 3_600 }]

const ADMITTED: GateAnswer = { outcome: 'admitted', windows: [] }

const few = gateBytes(3)
const full = gateBytes(100)
const copy = await copyBytes()

printTable(
  `Bytes of heap a key, ${number(keys)} keys`,
  ['', 'bytes'],
  [
    ['gate: 3 requests in the window, the name of its log included', number(few)],
    ['gate: a full window of 100, the name of its log included', number(full)],
    ['copy of a record (L1): the record, its plan, its place in the cache', number(copy)],
  ],
)
verdict('Bytes a key with 3 requests in the gate', few, 'at most', 300, 0)
verdict('Bytes a key with a full window in the gate', full, 'at most', 700, 0)

function gateBytes(requests: number): number {
  const gate = memoryGate()
  const before = heapBytes()
  for (let key = 0; key < keys; key++) {
    const lineage = flat(`key_${key.toString().padStart(26, '0')}`)
    const request = { owner: 'org', lineage, version: 1, nonce: undefined }
    const buckets = [{ id: flat(`K:${lineage}`), windows, cost: 1 }]
    for (let i = 0; i < requests; i++) gate.admit({ ...request, buckets })
  }
  const bytes = (heapBytes() - before) / keys
  if (gate.size !== keys) throw new Error(`The gate holds ${gate.size} logs.`)
  void gate.close()
  return bytes
}

/** What a key takes that was seen once, with a gate that keeps nothing. */
async function copyBytes(): Promise<number> {
  const gate: Gate = { versions: 'process', admit: () => ADMITTED, peek: () => ADMITTED, fence: () => {} }
  const policies = { default: windows }
  const keyward = createKeyward({
    store: generatedStore(true),
    gate,
    limits: { policies },
    keys: { copies: { maxCopies: keys } },
  })
  await keyward.ready()
  const route = keyward.route()
  const before = heapBytes()
  for (let i = 0; i < keys; i += 1_000)
    await Promise.all(makeKeys(1_000).map((key) => keyward.admit(keyward.receive(headOf(key)), route)))
  await keyward.close()
  const bytes = (heapBytes() - before) / keys
  if (keyward.profile === undefined) throw new Error('Nothing may be collected before it is measured.')
  return bytes
}

/** Bytes in use after two full collections: the first one may leave what has finalizers. */
function heapBytes(): number {
  if (globalThis.gc === undefined) throw new Error('Start node with --expose-gc.')
  globalThis.gc()
  globalThis.gc()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}
