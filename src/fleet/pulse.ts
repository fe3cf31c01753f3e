/** How often a server of a fleet looks after what other processes left and changed. */
const PULSE_MS = 300

/** What a server does now and then: one round after the other, never two at once. */
export interface Pulse {
  /** Begins. Its timer keeps no process alive. */
  start(): void
  /** Ends, and waits for a round under way. */
  close(): Promise<void>
}

/** Creates a pulse of rounds that do not reject. */
export function createPulse(round: () => Promise<unknown>): Pulse {
  let timer: ReturnType<typeof setInterval> | undefined
  let running: Promise<unknown> | undefined

  function beat(): void {
    if (running !== undefined) return
    running = round().finally(() => {
      running = undefined
    })
  }

  return {
    start() {
      if (timer !== undefined) return
      timer = setInterval(beat, PULSE_MS)
      Object(timer).unref?.()
      beat()
    },
    async close() {
      clearInterval(timer)
      await running
    },
  }
}
