import type { PointJson, UsageJson } from './api-json.ts'
import { type Answer, queryText } from './calls.ts'
import { type Layer, StackedChart } from './charts.tsx'
import { may, type Visitor } from './visitor.ts'

/** How far back a chart goes. */
export interface Range {
  readonly name: string
  readonly label: string
  /** Length in seconds, up to now. */
  readonly seconds: number
  readonly interval: 'minute' | 'hour' | 'day'
  /** How many stretches one bar stands for, from 1. */
  readonly perBar: number
}

const HOUR_SECONDS = 3_600
const DAY_SECONDS = 86_400

const RANGES: readonly Range[] = [
  { name: '1h', label: '1 hour', seconds: HOUR_SECONDS, interval: 'minute', perBar: 1 },
  { name: '24h', label: '24 hours', seconds: DAY_SECONDS, interval: 'hour', perBar: 1 },
  { name: '7d', label: '7 days', seconds: 7 * DAY_SECONDS, interval: 'hour', perBar: 6 },
  { name: '30d', label: '30 days', seconds: 30 * DAY_SECONDS, interval: 'day', perBar: 1 },
]

/** Finds the range that an address asks for; 24 hours for none. */
export function rangeOf({ query }: Visitor, fallback = '24h'): Range {
  const asked = query.get('range') ?? fallback
  return (RANGES.find(({ name }) => name === asked) ?? RANGES[1]) as Range
}

/** Links to the ranges. */
export function Ranges({
  visitor,
  current,
  label,
}: {
  readonly visitor: Visitor
  readonly current: Range
  readonly label: string
}) {
  const { basePath, path, query } = visitor
  return (
    <nav class="ranges" aria-label={label}>
      {RANGES.map(({ name, label: text }) => (
        <a
          href={`${basePath}${path}${queryText({ ...Object.fromEntries(query), range: name })}`}
          aria-current={name === current.name ? 'true' : undefined}
        >
          {text}
        </a>
      ))}
    </nav>
  )
}

/** Reads what was used over a range; `undefined` where nobody counts, or the visitor may not know. */
export async function readUsage(
  visitor: Visitor,
  { seconds, interval }: Pick<Range, 'seconds' | 'interval'>,
  filter: Readonly<Record<string, string | number | null>>,
): Promise<Answer<UsageJson> | undefined> {
  if (!visitor.hasRoute('GET', '/usage') || !may(visitor, 'keyward:usage:read')) return undefined
  const stretch = { minute: 60, hour: HOUR_SECONDS, day: DAY_SECONDS }[interval] * 1_000
  // The stretch that now is in is the last of them, and shown as far as it has come.
  const from = new Date((Math.floor(visitor.now.getTime() / stretch) + 1) * stretch - seconds * 1_000)
  const query = { ...filter, from: from.toISOString(), to: visitor.now.toISOString(), interval }
  return visitor.calls.get<UsageJson>(`/usage${queryText(query)}`)
}

/** Requests over a range, by what became of them. */
export function RequestsChart({ usage, range }: { readonly usage: UsageJson; readonly range: Range }) {
  const { at, of } = barsOf(usage.series, range.perBar)
  const layers: readonly Layer[] = [
    { name: 'Succeeded', tone: 'good', values: of(({ succeeded }) => succeeded) },
    { name: 'Redirected', tone: 'plain', values: of(({ redirected }) => redirected) },
    { name: 'Client errors', tone: 'warn', values: of(({ clientErrors }) => clientErrors) },
    { name: 'Server errors', tone: 'bad', values: of(({ serverErrors }) => serverErrors) },
  ]
  return <StackedChart title="Requests" unit="requests" at={at} layers={layers} />
}

/** Credits over a range. */
export function CreditsChart({ usage, range }: { readonly usage: UsageJson; readonly range: Range }) {
  const { at, of } = barsOf(usage.series, range.perBar)
  return (
    <StackedChart
      title="Credits spent"
      unit="credits"
      at={at}
      layers={[{ name: 'Credits', tone: 'accent', values: of(({ credits }) => credits) }]}
    />
  )
}

/** Puts stretches together, so that a chart has a few dozen bars. */
function barsOf(series: readonly PointJson[], perBar: number) {
  const starts = series.filter((_, index) => index % perBar === 0)
  return {
    at: starts.map(({ at }) => at),
    of: (count: (point: PointJson) => number) =>
      starts.map((_, bar) =>
        series.slice(bar * perBar, (bar + 1) * perBar).reduce((sum, point) => sum + count(point), 0),
      ),
  }
}
