import { LRUCache } from 'lru-cache'
import type { RequestHead } from '../credential/request-head.ts'
import type { Copy } from '../keys/copies.ts'
import type { AlertStore, NetworkUse } from '../model/alert-store.ts'
import type { Clock } from '../model/clock.ts'
import type { KeyRecord } from '../model/key-record.ts'
import type { AlertBook } from './alert-book.ts'
import { createFlushTimer } from './flush-timer.ts'
import { draftManyNetworks, draftNewNetwork, MOST_NETWORKS, networkOf } from './network-rule.ts'

/** Networks that this process remembers, of all lineages together; what it has forgotten it asks the store about again. */
const MAX_REMEMBERED = 1_000_000
/** Longest text about where a request came from that is kept beside a copy: clients choose its length. */
const MAX_SOURCE_CHARACTERS = 256
/** How many uses may wait while the store is away; more are noticed at the key's next use from there. */
const MAX_WAITING = 10_000
/** Uses in one transaction. */
const BATCH = 100

/** A lineage that has more networks than are kept. */
const FULL = 'full'

/** A use that waits to be written. */
interface Waiting {
  readonly record: KeyRecord
  readonly network: string
  readonly at: Date
}

/** Networks that keys are used from: noticed on the way, written in batches. */
export interface NetworkNotes {
  /**
   * Notices where a request comes from. The usual case, the same client as before, compares two texts; `address` is
   * worked out for others only.
   */
  note(copy: Copy, from: { readonly head: RequestHead; readonly address: string | undefined }): void
  /** Writes what waits. Never rejects: what could not be written waits for the next time. */
  flush(): Promise<void>
  /** Writes what waits, once, and nothing afterwards. */
  close(): Promise<void>
}

/** What the notes are given by the composition. */
export interface NetworkRooms {
  readonly store: AlertStore
  readonly clock: Clock
  readonly book: AlertBook
  /** Header that says where clients are, in lower case; `undefined` where the peer does. */
  readonly header: string | undefined
  /** Is told of what fails, and `undefined` when it works. */
  readonly failed: (cause: unknown) => void
}

/** Creates the notes. */
export function createNetworkNotes({ store, clock, book, header, failed }: NetworkRooms): NetworkNotes {
  const lineages = new LRUCache<string, Set<string> | typeof FULL>({
    maxSize: MAX_REMEMBERED,
    sizeCalculation: (seen) => (seen === FULL ? 1 : seen.size),
  })
  let waiting: Waiting[] = []
  const timer = createFlushTimer(clock, write)

  async function write(): Promise<void> {
    while (waiting.length > 0) {
      const batch = waiting.slice(0, BATCH)
      waiting = waiting.slice(BATCH)
      try {
        await writeBatch(batch)
        failed(undefined)
      } catch (cause) {
        failed(cause)
        waiting = [...batch, ...waiting].slice(0, MAX_WAITING)
        timer.arm()
        return
      }
    }
  }

  async function writeBatch(batch: readonly Waiting[]): Promise<void> {
    const uses = batch.map(({ record, network, at }): NetworkUse => {
      const whenNew = book.draft(draftNewNetwork(record, network), at)
      return { lineage: record.lineage, network, at, whenNew, whenFull: book.draft(draftManyNetworks(record), at) }
    })
    const outcomes = await store.noteNetworks(uses, MOST_NETWORKS)
    for (const [index, use] of uses.entries()) {
      const outcome = outcomes[index]
      if (outcome === 'new') book.tellOpened(use.whenNew)
      if (outcome === 'full') book.tellOpened(use.whenFull)
      if (outcome === 'full' || outcome === 'left') lineages.set(use.lineage, FULL)
    }
  }

  function notice(record: KeyRecord, address: string | undefined): void {
    const network = address === undefined ? undefined : networkOf(address)
    if (network === undefined) return
    const seen = lineages.get(record.lineage) ?? new Set()
    if (seen === FULL || seen.has(network) || waiting.length >= MAX_WAITING || seen.size > MOST_NETWORKS) return
    seen.add(network)
    // Its size is worked out when it is set anew.
    lineages.delete(record.lineage)
    lineages.set(record.lineage, seen)
    waiting.push({ record, network, at: new Date(clock.now()) })
    timer.arm()
  }

  return {
    note(copy, from) {
      const { head } = from
      const source = header === undefined ? head.peerAddress : `${head.peerAddress} ${head.headerLines(header).join()}`
      if (source === undefined || source === copy.source) return
      copy.source = source.length > MAX_SOURCE_CHARACTERS ? undefined : source
      notice(copy.record, from.address)
    },
    flush: timer.flush,
    close: timer.close,
  }
}
