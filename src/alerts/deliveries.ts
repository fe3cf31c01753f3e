import { type Observer, tell } from '../events.ts'
import type { AlertStore, ClaimedDelivery } from '../model/alert-store.ts'
import type { Clock } from '../model/clock.ts'
import { MOST_TRIES, retryDelay } from './retry-delay.ts'
import type { SendMessage } from './webhook.ts'

/** How often a serving process looks for messages whose time has come. */
const INTERVAL_MS = 10_000
/** For how long a process has a message to itself: longer than a receiver has to answer. */
const LEASE_MS = 60_000
/** Messages that are sent at once. */
const BATCH = 8

/** Sends the messages that wait. */
export interface Deliveries {
  /** Sends what is due, now. Never rejects. */
  run(): Promise<void>
  /** Begins to look by itself. Its timer keeps no process alive. */
  start(): void
  /** Looks soon, once it was started: a message was written. */
  wake(): void
  /** Ends: what is being sent is broken off, and left to the next process. */
  close(): Promise<void>
}

/** What sending is given by the composition. */
export interface DeliveryRooms {
  readonly store: AlertStore
  readonly clock: Clock
  readonly send: SendMessage
  readonly observer: Observer | undefined
  readonly failed: (cause: unknown) => void
}

/** Creates the deliveries. */
export function createDeliveries({ store, clock, send, observer, failed }: DeliveryRooms): Deliveries {
  const closing = new AbortController()
  let timer: ReturnType<typeof setTimeout> | undefined
  let isStarted = false
  let isAsked = false
  let running: Promise<void> | undefined

  async function sendDue(): Promise<void> {
    do {
      isAsked = false
      for (;;) {
        const now = clock.now()
        const token = crypto.randomUUID()
        if (closing.signal.aborted) return
        const claimed = await store.claimDeliveries(new Date(now), new Date(now + LEASE_MS), token, BATCH)
        await Promise.all(claimed.map((delivery) => sendOne(delivery, token)))
        if (claimed.length < BATCH) break
      }
    } while (isAsked)
  }

  async function sendOne({ id, body, attempt }: ClaimedDelivery, token: string): Promise<void> {
    const outcome = await send(id, body, clock.now(), closing.signal)
    if (outcome.isSent) {
      await store.endDelivery(id, token, null)
      return
    }
    const isLast = outcome.isFinal || attempt >= MOST_TRIES
    const delayMs = closing.signal.aborted ? 0 : retryDelay(attempt, outcome.askedMs, draw())
    const isOurs = await store.endDelivery(id, token, isLast ? null : new Date(clock.now() + delayMs))
    if (isLast && isOurs)
      tell(observer, { type: 'alert_undelivered', messageId: id, attempts: attempt, reason: outcome.reason })
  }

  function run(): Promise<void> {
    isAsked = true
    running ??= sendDue()
      .then(
        () => failed(undefined),
        (cause: unknown) => failed(cause),
      )
      .finally(() => {
        running = undefined
      })
    return running
  }

  function arm(): void {
    timer = setTimeout(() => {
      void run()
      arm()
    }, INTERVAL_MS)
    Object(timer).unref?.()
  }

  return {
    run,
    start() {
      if (isStarted || closing.signal.aborted) return
      isStarted = true
      arm()
      void run()
    },
    wake() {
      if (isStarted && !closing.signal.aborted) void run()
    },
    async close() {
      clearTimeout(timer)
      closing.abort()
      await running
    },
  }
}

/** From 0 to 1. */
function draw(): number {
  return (crypto.getRandomValues(new Uint32Array(1))[0] ?? 0) / 2 ** 32
}
