import type { Clock } from '../../model/clock.ts'

/** A round trip that took longer says too little about the moment at which the server looked at its clock. */
const MAX_ROUND_TRIP_MS = 250

/**
 * The database server's clock, as far as it is known here: the machine's monotonic clock, and how far the server was
 * ahead of it when it last told. So a key expires by one clock for all instances, whatever their own say.
 *
 * Before the server has told, `now()` is the machine's wall time.
 */
export class ServerClock implements Clock {
  readonly #machine: Clock
  #offset: number | undefined

  /** @param machine - The machine's clocks. */
  constructor(machine: Clock) {
    this.#machine = machine
  }

  now(): number {
    return this.#offset === undefined ? this.#machine.now() : Math.floor(this.#machine.monotonic() + this.#offset)
  }

  monotonic(): number {
    return this.#machine.monotonic()
  }

  /**
   * Takes note of what the server said.
   *
   * @param serverMs - Its wall time in milliseconds since the Unix epoch; taken to be that of the middle of the trip.
   * @param sentAt - When it was asked, on the monotonic clock.
   * @param receivedAt - When the answer was there. After more than 250 ms it is used only where there is none yet.
   */
  observe(serverMs: number, sentAt: number, receivedAt: number): void {
    if (!Number.isFinite(serverMs)) return
    if (this.#offset !== undefined && receivedAt - sentAt > MAX_ROUND_TRIP_MS) return
    this.#offset = serverMs - (sentAt + receivedAt) / 2
  }
}
