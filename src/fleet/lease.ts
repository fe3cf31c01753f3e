import type { Observer } from '../events.ts'
import type { Channel, ChannelListener } from '../model/channel.ts'
import type { Clock } from '../model/clock.ts'
import { createHealth } from './health.ts'

/** How long a heartbeat that was heard again vouches for the channel, counted from when it was sent. */
const LEASE_MS = 1_000
const BEAT_INTERVAL_MS = 200
/** A channel on which no heartbeat came back for so long is closed and opened again: its connection may be a dead one. */
const DEAF_MS = 3_000

/** What one process tells the others. */
export type Notice =
  | { readonly type: 'key'; readonly lineage: string; readonly version: number }
  /** A key was added that somebody may have tried before. */
  | { readonly type: 'added' }
  | { readonly type: 'policies' }

/** Who is told what others said, and that something may have been missed. */
export interface NoticeListener {
  heard(notice: Notice): void
  missed(): void
}

/**
 * Hears what other processes changed, and knows until when it hears everything: a heartbeat of its own that came back
 * proves that all that was said before it was sent has arrived. The lease counts from the sending, not from the hearing,
 * so a channel that is slow shortens it.
 */
export interface Lease {
  /** Whether everything said more than a second ago was heard. */
  isLive(monotonic: number): boolean
  /** Tells every process, this one too. Resolves once the channel has taken it. @throws {StoreUnavailableError} */
  tell(notice: Notice): Promise<void>
  /** Begins to listen and to send heartbeats, and goes on trying. Resolves when the first attempt has ended. */
  open(): Promise<void>
  close(): Promise<void>
}

/** Creates the lease on a channel. */
export function createLease(
  channel: Channel,
  clock: Clock,
  listener: NoticeListener,
  observer: Observer | undefined,
): Lease {
  const self = crypto.randomUUID()
  const health = createHealth('channel', clock, observer)
  /** When each heartbeat that has not come back was sent, by its number. */
  let sent = new Map<number, number>()
  let lastBeat = 0
  let liveUntil = Number.NEGATIVE_INFINITY
  let heardAt = Number.NEGATIVE_INFINITY
  let timer: ReturnType<typeof setInterval> | undefined
  let isOpening = false
  let isClosed = false

  const ears: ChannelListener = {
    heard(message) {
      const [type, first = '', second] = message.split(' ')
      if (type === 'beat') {
        if (first === self) returned(Number(second))
      } else if (type === 'key') listener.heard({ type, lineage: first, version: Number(second) })
      else if (type === 'added' || type === 'policies') listener.heard({ type })
    },
    connected() {
      sent = new Map()
      liveUntil = Number.NEGATIVE_INFINITY
      listener.missed()
    },
  }

  function returned(beat: number): void {
    const sentAt = sent.get(beat)
    if (sentAt === undefined) return
    for (const earlier of sent.keys()) if (earlier <= beat) sent.delete(earlier)
    heardAt = clock.monotonic()
    liveUntil = Math.max(liveUntil, sentAt + LEASE_MS)
    health.worked()
  }

  async function connect(): Promise<void> {
    if (isOpening || isClosed) return
    isOpening = true
    heardAt = clock.monotonic()
    try {
      await channel.close()
      await channel.open(ears)
      if (isClosed) await channel.close()
    } catch (cause) {
      health.failed(cause)
    } finally {
      isOpening = false
    }
  }

  function beat(): void {
    const now = clock.monotonic()
    if (now - heardAt > DEAF_MS) {
      health.failed(new Error('The channel was not heard for three seconds.'))
      void connect()
    }
    lastBeat += 1
    sent.set(lastBeat, now)
    for (const [number, sentAt] of sent) if (now - sentAt > LEASE_MS) sent.delete(number)
    channel.publish(`beat ${self} ${lastBeat}`).catch((cause: unknown) => void health.failed(cause))
  }

  return {
    isLive: (monotonic) => monotonic < liveUntil,
    tell: (notice) => channel.publish(notice.type === 'key' ? `key ${notice.lineage} ${notice.version}` : notice.type),
    async open() {
      if (timer !== undefined || isClosed) return
      timer = setInterval(beat, BEAT_INTERVAL_MS)
      Object(timer).unref?.()
      await connect()
      beat()
    },
    async close() {
      isClosed = true
      clearInterval(timer)
      liveUntil = Number.NEGATIVE_INFINITY
      await channel.close()
    },
  }
}
