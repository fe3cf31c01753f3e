/** Work that a serving process does by itself every so often, and that can be asked for, too: never twice at once. */
export interface Rounds<T> {
  /** Works now. While a round of this process is under way, waits for that one. */
  run(): Promise<T>
  /** Begins to work by itself. Its timer keeps no process alive. */
  start(): void
  /** Ends, and waits for a round under way. */
  close(): Promise<void>
}

/**
 * Creates rounds. One that fails is told of by whatever it has asked; the next one comes.
 *
 * @param work - Does a round; `isClosed` says whether to break it off.
 * @param firstMs - Milliseconds before the first round: a start has other things to do.
 * @param intervalMs - Milliseconds from the beginning of one round to that of the next.
 */
export function createRounds<T>(
  work: (isClosed: () => boolean) => Promise<T>,
  { firstMs, intervalMs }: { readonly firstMs: number; readonly intervalMs: number },
): Rounds<T> {
  let timer: ReturnType<typeof setTimeout> | undefined
  let running: Promise<T> | undefined
  let isClosed = false

  function run(): Promise<T> {
    running ??= work(() => isClosed).finally(() => {
      running = undefined
    })
    return running
  }

  function arm(afterMs: number): void {
    timer = setTimeout(() => {
      run().catch(() => {})
      arm(intervalMs)
    }, afterMs)
    Object(timer).unref?.()
  }

  return {
    run,
    start() {
      if (timer === undefined && !isClosed) arm(firstMs)
    },
    async close() {
      isClosed = true
      clearTimeout(timer)
      await running?.catch(() => {})
    },
  }
}
