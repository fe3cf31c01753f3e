/** Requests and errors of a key in some stretch of time: whole numbers from 0. */
export interface Activity {
  readonly requests: number
  /** Requests that were answered with 400 and above, or not at all. */
  readonly errors: number
}

/** What is taken for a spike at all. */
export interface SpikeFloors {
  /** Requests in 5 minutes at and below which no rate is a spike. */
  readonly requests: number
  /** Errors in 5 minutes at and below which no share of errors is one. */
  readonly errors: number
}

/** What a rule says of a key's last 5 minutes. */
export interface SpikeVerdict {
  /** Requests in 5 minutes, or the share of errors from 0 to 1. */
  readonly observed: number
  /** What its past lets expect, in the same unit. */
  readonly expected: number
  /** A spike begins above it, in the same unit. */
  readonly opensAbove: number
  /** It is over once it was at or below this for 15 minutes, in the same unit. */
  readonly clearsBelow: number
  readonly isSpike: boolean
  /** Whether it is not seen any more: between the two, neither holds. */
  readonly isCalm: boolean
}

/** Full hours that a past must span, from the first hour with a request. */
const HOURS_OF_PAST = 24

/** How often 5 minutes go into an hour. */
const STRETCHES_PER_HOUR = 12
/** A rate is a spike above so many times the rate of the key's busy hours. */
const TIMES_BUSY = 4
/** And above so many times its busiest 5 minutes. */
const TIMES_PEAK = 2
/** Share of the hours that are no busier than a busy one. */
const BUSY_QUANTILE = 0.95
/** How much of all requests must fail beyond what is usual. */
const SHARE_ABOVE = 0.25
/** How many standard deviations the errors must be above what is usual: chance alone comes so far once in three million checks. */
const DEVIATIONS = 5
/** Requests in the past below which its share of errors says nothing. */
const LEAST_PAST_REQUESTS = 100
/** Requests in an hour below which its share of errors says nothing. */
const LEAST_HOUR_REQUESTS = 20

/**
 * Says whether a key's rate leaves its own past.
 *
 * What is expected is the rate of the key's busy hours: the 95th percentile of its hours in the last 7 days, quiet ones
 * among them, as requests in 5 minutes. A spike is more than 4 times that, and more than the floor, and more than twice
 * the busiest 5 minutes that are remembered: so a key that works in bursts is measured by its bursts. It is over below
 * half of that. A key whose first request is less than 24 hours old has no past, and no spikes.
 *
 * A new level becomes usual once it has lasted for 5 percent of the week: about 9 hours.
 *
 * @param now - The last 5 full minutes.
 * @param hours - The full hours of the last 7 days, oldest first, without gaps.
 * @param peak - Requests of the busiest 5 minutes of the last 2 days, without the last hour; 0 where nobody knows.
 * @returns `undefined` for a key without a past.
 */
export function judgeRate(
  now: Activity,
  hours: readonly Activity[],
  peak: number,
  floors: SpikeFloors,
): SpikeVerdict | undefined {
  const past = sinceFirstUse(hours)
  if (past.length < HOURS_OF_PAST) return undefined
  const expected = quantile(past.map(({ requests }) => requests)) / STRETCHES_PER_HOUR
  const opensAbove = Math.max(floors.requests, TIMES_BUSY * expected, TIMES_PEAK * peak)
  return verdict(now.requests, expected, opensAbove, opensAbove / 2, now.requests > opensAbove)
}

/**
 * Says whether a key's share of errors leaves its own past.
 *
 * What is expected is the 95th percentile of the shares of its hours in the last 7 days that had 20 requests or more, or the
 * share of all of them together where fewer than 24 hours had. A spike is a share that is higher by a quarter of all requests (where more than half fail already: by half of
 * what is left), with more errors than the floor, and more by 5 standard deviations than that share would give by chance. It is over
 * below the middle between the two.
 *
 * @param now - The last 5 full minutes.
 * @param hours - The full hours of the last 7 days, oldest first, without gaps.
 * @returns `undefined` for a key without a past: 24 hours, and 100 requests in them.
 */
export function judgeErrors(now: Activity, hours: readonly Activity[], floors: SpikeFloors): SpikeVerdict | undefined {
  const past = sinceFirstUse(hours)
  const all = sum(past)
  if (past.length < HOURS_OF_PAST || all.requests < LEAST_PAST_REQUESTS) return undefined
  const busy = past.filter(({ requests }) => requests >= LEAST_HOUR_REQUESTS)
  const expected = busy.length < HOURS_OF_PAST ? shareOf(all) : quantile(busy.map(shareOf))
  const opensAbove = expected + Math.min(SHARE_ABOVE, (1 - expected) / 2)
  const usual = expected * now.requests
  const chance = DEVIATIONS * Math.sqrt(usual * (1 - expected))
  const isMany = now.errors > floors.errors && now.errors > usual + chance
  const isFew = now.errors <= floors.errors / 2
  const observed = shareOf(now)
  const found = verdict(observed, expected, opensAbove, (expected + opensAbove) / 2, isMany && observed > opensAbove)
  return { ...found, isCalm: found.isCalm || isFew }
}

/** Adds activities up. */
export function sum(activities: readonly Activity[]): Activity {
  let [requests, errors] = [0, 0]
  for (const each of activities) {
    requests += each.requests
    errors += each.errors
  }
  return { requests, errors }
}

/** Share of requests that failed: 0 to 1, and 0 without requests. */
function shareOf({ requests, errors }: Activity): number {
  return requests === 0 ? 0 : Math.min(1, errors / requests)
}

function verdict(
  observed: number,
  expected: number,
  opensAbove: number,
  clearsBelow: number,
  isSpike: boolean,
): SpikeVerdict {
  return { observed, expected, opensAbove, clearsBelow, isSpike, isCalm: observed <= clearsBelow }
}

function sinceFirstUse(hours: readonly Activity[]): readonly Activity[] {
  const first = hours.findIndex(({ requests }) => requests > 0)
  return first < 0 ? [] : hours.slice(first)
}

function quantile(values: readonly number[]): number {
  const sorted = values.toSorted((one, other) => one - other)
  return sorted[Math.ceil(BUSY_QUANTILE * sorted.length) - 1] ?? 0
}
