import { type Observer, tell } from '../events.ts'
import type { KeyStore, KeyUse } from '../model/key-store.ts'
import type { Copy } from './copies.ts'

/** A key's last use is noted at most once in this time. */
export const USE_INTERVAL_MS = 60_000
/** How long a noted use may wait before it is written; a key's first use is in the store within this and the write. */
const FLUSH_INTERVAL_MS = 2_000
/** How many uses may wait while the store is away; more are dropped, and noted again at the key's next use. */
const MAX_WAITING = 100_000

/** When keys were last used: noted on the way, written in batches, in rows of their own. */
export interface Uses {
  /** Notes that a key was used, at most once a minute for a copy. */
  note(copy: Copy, monotonic: number): void
  /** Writes what waits. Never rejects: what could not be written waits for the next time. */
  flush(): Promise<void>
  /** Writes what waits, once, and nothing afterwards. */
  close(): Promise<void>
}

/** Creates the batch. Its one timer runs only while something waits, and keeps no process alive. */
export function createUses(store: KeyStore, observer: Observer | undefined): Uses {
  let waiting = new Map<string, KeyUse>()
  let timer: ReturnType<typeof setTimeout> | undefined
  let armedAt = Number.NEGATIVE_INFINITY
  let failing = false
  let writing: Promise<void> = Promise.resolve()
  let isClosed = false

  /** A timer that is long overdue ended with its request, as on Workers: then this request writes what waits. */
  function arm(): void {
    if (isClosed) return
    const monotonic = store.clock.monotonic()
    if (timer === undefined) {
      armedAt = monotonic
      timer = setTimeout(flush, FLUSH_INTERVAL_MS)
      if (typeof timer === 'object') (timer as { unref?: () => void }).unref?.()
    } else if (monotonic - armedAt >= 2 * FLUSH_INTERVAL_MS) {
      void flush()
    }
  }

  /** One batch after the other: whoever waits for a flush waits for what was being written before, too. */
  function flush(): Promise<void> {
    clearTimeout(timer)
    timer = undefined
    writing = writing.then(write)
    return writing
  }

  async function write(): Promise<void> {
    if (waiting.size === 0) return
    const batch = waiting
    waiting = new Map()
    try {
      await store.recordUses([...batch.values()])
      if (failing) tell(observer, { type: 'recovered', part: 'uses' })
      failing = false
    } catch (cause) {
      if (!failing) tell(observer, { type: 'degraded', part: 'uses', cause })
      failing = true
      for (const [keyId, use] of waiting) batch.set(keyId, use)
      waiting = batch
      arm()
    }
  }

  return {
    note(copy, monotonic) {
      if (waiting.size >= MAX_WAITING) return
      copy.nextUseAt = monotonic + USE_INTERVAL_MS
      waiting.set(copy.record.id, { keyId: copy.record.id, usedAt: new Date(store.clock.now()) })
      arm()
    },
    flush,
    close() {
      isClosed = true
      return flush()
    },
  }
}
