import type { Instance } from './instance.ts'

/** What became of one request. */
export interface Answer {
  readonly outcome: string
  readonly apiKey: string
  /** Instants on this process' monotonic clock, in milliseconds. */
  readonly begunAt: number
  readonly endedAt: number
}

/** Requests that are sent without a pause. */
export interface Load {
  readonly answers: readonly Answer[]
  /** Sends no more, and resolves when all were answered. */
  stop(): Promise<readonly Answer[]>
}

/**
 * Sends requests to every instance, as many at a time as there are callers, until it is stopped.
 *
 * @param callers - Per instance; default 4.
 * @param pauseMs - Before each request; default 0: only a turn of the event loop.
 */
export function sendLoad(
  instances: readonly Instance[],
  apiKeys: readonly string[],
  { callers = 4, pauseMs = 0 }: { callers?: number; pauseMs?: number } = {},
): Load {
  const answers: Answer[] = []
  let isOver = false
  async function call(instance: Instance, first: number): Promise<void> {
    for (let turn = first; !isOver; turn++) {
      answers.push(await askOnce(instance, apiKeys[turn % apiKeys.length]!))
      await new Promise((resolve) => (pauseMs === 0 ? setImmediate(resolve) : setTimeout(resolve, pauseMs)))
    }
  }
  const running = instances.flatMap((instance) => Array.from({ length: callers }, (_, index) => call(instance, index)))
  return {
    answers,
    async stop() {
      isOver = true
      await Promise.all(running)
      return answers
    },
  }
}

/** Sends one request, and notes when. */
export async function askOnce(instance: Pick<Instance, 'ask'>, apiKey: string): Promise<Answer> {
  const begunAt = performance.now()
  const outcome = await instance.ask(apiKey)
  return { outcome, apiKey, begunAt, endedAt: performance.now() }
}

/** Counts answers by outcome. */
export function tally(answers: readonly Answer[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const { outcome } of answers) counts[outcome] = (counts[outcome] ?? 0) + 1
  return counts
}

/** The longest that any answer took, in milliseconds. */
export function slowest(answers: readonly Answer[]): number {
  return answers.reduce((longest, { begunAt, endedAt }) => Math.max(longest, endedAt - begunAt), 0)
}

/** Waits, for things that take their time: servers that hang for seconds. */
export function seconds(count: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, count * 1_000))
}
