import type { Clock } from '../model/clock.ts'

/** Refusals of an actor that have entries of their own, in a minute. */
const MAX_ENTRIES = 20
const MINUTE_MS = 60_000
/** Actors that are counted by themselves; what is beyond is counted together. */
const MAX_ACTORS = 10_000

/** Refusals that were counted in place of being written down one by one. */
export interface RefusalCount {
  readonly owner: string
  /** `null` for all who are beyond the 10,000 that are counted by themselves. */
  readonly actor: string | null
  readonly since: Date
  /** How many: 1 or more. */
  count: number
  /** How many by code. */
  readonly codes: { [code: string]: number }
}

/** Decides which refusals get an entry of their own. */
export interface RefusalCounts {
  /** Says whether a refusal has an entry of its own; counts it otherwise. Writes the count of a minute that is over first. */
  mayWrite(owner: string, actor: string, code: string): Promise<boolean>
  /** Writes all that is counted. Never rejects. */
  close(): Promise<void>
}

interface Minute {
  readonly beganAt: number
  entries: number
  counted: RefusalCount | undefined
}

/**
 * Creates the counts of this process.
 *
 * @param write - Writes counts down, all or none. What it rejects stays counted, and is written with a later minute's.
 */
export function createRefusalCounts(
  clock: Clock,
  write: (counts: readonly RefusalCount[]) => Promise<void>,
): RefusalCounts {
  const minutes = new Map<string, Minute>()
  /** Counts of minutes that are over. */
  let due: RefusalCount[] = []
  let timer: ReturnType<typeof setTimeout> | undefined

  function minuteOf(owner: string, actor: string | null): Minute {
    const key = JSON.stringify([owner, actor])
    const known = minutes.get(key)
    if (known !== undefined) return known
    const minute: Minute = { beganAt: clock.monotonic(), entries: 0, counted: undefined }
    minutes.set(key, minute)
    return minute
  }

  /** Takes minutes that are over off the books. In order of their beginning: the first that is not over ends the search. */
  function sweep(monotonic: number): void {
    for (const [key, { beganAt, counted }] of minutes) {
      if (monotonic - beganAt < MINUTE_MS) break
      minutes.delete(key)
      if (counted !== undefined) due.push(counted)
    }
  }

  async function flush(): Promise<void> {
    if (due.length === 0) return
    const counts = due
    due = []
    try {
      await write(counts)
    } catch {
      due = [...counts, ...due].slice(0, MAX_ACTORS)
      arm()
    }
  }

  function arm(): void {
    timer ??= setTimeout(() => {
      timer = undefined
      sweep(clock.monotonic())
      void flush()
      if (Array.from(minutes.values()).some(({ counted }) => counted !== undefined)) arm()
    }, MINUTE_MS)
    Object(timer).unref?.()
  }

  function count(minute: Minute, owner: string, actor: string | null, code: string): void {
    minute.counted ??= { owner, actor, since: new Date(clock.now()), count: 0, codes: {} }
    minute.counted.count += 1
    minute.counted.codes[code] = (minute.counted.codes[code] ?? 0) + 1
    arm()
  }

  return {
    async mayWrite(owner, actor, code) {
      sweep(clock.monotonic())
      const isOwn = minutes.has(JSON.stringify([owner, actor])) || minutes.size < MAX_ACTORS
      const minute = isOwn ? minuteOf(owner, actor) : minuteOf('', null)
      minute.entries += 1
      const mayWrite = minute.entries <= MAX_ENTRIES
      if (!mayWrite) count(minute, isOwn ? owner : '', isOwn ? actor : null, code)
      await flush()
      return mayWrite
    },
    async close() {
      clearTimeout(timer)
      sweep(Number.POSITIVE_INFINITY)
      await flush()
      clearTimeout(timer)
    },
  }
}
