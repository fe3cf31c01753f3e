import { Tally } from './tally.ts'

/** Owners whose keys are told apart from others' when there are too many keys. */
const MAX_OWNERS = 10_000

/** What was counted in one minute, by key. */
export class Minute {
  /** When it began, in milliseconds since the Unix epoch. */
  readonly at: number
  readonly keys = new Map<string, Tally>()
  /** Keys that are not told apart, by owner. */
  readonly others = new Map<string, Tally>()
  /** Keys of owners that are not told apart either. */
  rest: Tally | undefined
  requests = 0
  /** How long checks took: upper bounds in microseconds, and how many. */
  checkTimes: ReadonlyMap<number, number> = new Map()

  constructor(at: number) {
    this.at = at
  }

  /** The tally of keys that are not told apart. */
  otherOf(owner: string): Tally {
    const known = this.others.get(owner)
    if (known !== undefined) return known
    if (this.others.size >= MAX_OWNERS) {
      this.rest ??= new Tally(undefined, '', null)
      return this.rest
    }
    const tally = new Tally(undefined, owner, null)
    this.others.set(owner, tally)
    return tally
  }
}
