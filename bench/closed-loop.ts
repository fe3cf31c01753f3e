/** What a load came to. */
export interface LoopResult {
  readonly perSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
}

/** Keeps so many calls under way for so long, each followed by the next, and times every one. */
export async function closedLoop(
  callers: number,
  durationMs: number,
  call: (index: number) => Promise<unknown>,
): Promise<LoopResult> {
  const times: number[] = []
  const begunAt = performance.now()
  const endAt = begunAt + durationMs
  let index = 0
  async function run(): Promise<void> {
    for (let sentAt = performance.now(); sentAt < endAt; ) {
      index += 1
      await call(index)
      const now = performance.now()
      times.push(now - sentAt)
      sentAt = now
    }
  }
  await Promise.all(Array.from({ length: callers }, run))
  const seconds = (performance.now() - begunAt) / 1_000
  times.sort((one, other) => one - other)
  const at = (share: number) => times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? 0
  return { perSecond: times.length / seconds, p50Ms: at(0.5), p99Ms: at(0.99) }
}

/** The run in the middle, by requests a second. */
export function medianOf(results: readonly LoopResult[]): LoopResult {
  const sorted = [...results].sort((one, other) => one.perSecond - other.perSecond)
  return sorted[Math.floor(sorted.length / 2)]!
}
