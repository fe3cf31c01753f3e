import { scaleLinear } from 'd3-scale'
import { compact, grouped, Instant } from './figures.tsx'

/** What one colour of a chart stands for. */
export interface Layer {
  readonly name: string
  /** Class that gives the colour. */
  readonly tone: 'good' | 'plain' | 'warn' | 'bad' | 'accent'
  readonly values: readonly number[]
}

/** Height of the drawing in its own units; the style sheet says how high it is shown. */
const HEIGHT = 100
/** Share of a stretch's width that its bar takes. */
const BAR = 0.82
const LABELS = 5

/**
 * A chart of stacked bars over time: drawn here, so that it prints and needs no script. Its scale begins at zero. The table
 * behind it says the same to those who do not see it, and to the page's script, which shows it under the pointer.
 */
export function StackedChart(props: {
  readonly title: string
  readonly unit: string
  readonly at: readonly string[]
  readonly layers: readonly Layer[]
}) {
  const { title, unit, at } = props
  const layers = props.layers.filter(({ values }, index) => index === 0 || values.some((value) => value > 0))
  const sums = at.map((_, index) => layers.reduce((sum, { values }) => sum + (values[index] ?? 0), 0))
  const scale = scaleLinear([0, Math.max(4, ...sums)], [0, HEIGHT]).nice(4)
  const ticks = evenTicks(scale.domain()[1] ?? 4)
  return (
    <figure class="chart">
      <figcaption>
        <strong>{title}</strong>
        <ul class="legend">
          {layers.map(({ name, tone }) => (
            <li class={tone}>{name}</li>
          ))}
        </ul>
      </figcaption>
      <div class="plot" data-chart>
        <ol class="scale" aria-hidden="true">
          {ticks.toReversed().map((tick) => (
            <li>{compact(tick)}</li>
          ))}
        </ol>
        <svg
          viewBox={`0 0 ${at.length} ${HEIGHT}`}
          preserveAspectRatio="none"
          role="img"
          aria-label={`${title}: ${grouped(sums.reduce((sum, each) => sum + each, 0))} ${unit}. The table below has every value.`}
        >
          <path class="grid" d={ticks.map((tick) => `M0 ${round(HEIGHT - scale(tick))}H${at.length}`).join('')} />
          {layers.map(({ tone }, index) => (
            <path class={`bar ${tone}`} d={barsOf(layers, index, at.length, scale)} />
          ))}
        </svg>
        <ol class="dates" aria-hidden="true">
          {pick(at, LABELS).map((each) => (
            <li>
              <time datetime={each} data-format={isLong(at) ? 'day' : 'clock'}>
                {isLong(at) ? each.slice(5, 10) : each.slice(11, 16)}
              </time>
            </li>
          ))}
        </ol>
        <p class="tip" hidden></p>
      </div>
      <table class="unseen">
        <caption>{`${title} (${unit})`}</caption>
        <thead>
          <tr>
            <th scope="col">From</th>
            {layers.map(({ name }) => (
              <th scope="col">{name}</th>
            ))}
          </tr>
        </thead>
        <tbody>
          {at.map((each, index) => (
            <tr>
              <th scope="row">
                <Instant at={each} />
              </th>
              {layers.map(({ values }) => (
                <td>{values[index] ?? 0}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </figure>
  )
}

/** A chart of a few pixels for one row of a list. */
export function Sparkline({ values, label }: { readonly values: readonly number[]; readonly label: string }) {
  const most = Math.max(1, ...values)
  const bars = values.map((value, index) =>
    value === 0 ? '' : bar(index, HEIGHT, Math.max(6, (value / most) * HEIGHT)),
  )
  return (
    <svg
      class="spark"
      viewBox={`0 0 ${values.length || 1} ${HEIGHT}`}
      preserveAspectRatio="none"
      role="img"
      aria-label={label}
    >
      <path class="grid" d={`M0 ${HEIGHT}H${values.length}`} />
      <path class="bar accent" d={bars.join('')} />
    </svg>
  )
}

type Scale = (value: number) => number

function barsOf(layers: readonly Layer[], index: number, count: number, scale: Scale): string {
  let path = ''
  for (let at = 0; at < count; at++) {
    const value = layers[index]?.values[at] ?? 0
    if (value === 0) continue
    const below = layers.slice(0, index).reduce((sum, { values }) => sum + (values[at] ?? 0), 0)
    path += bar(at, HEIGHT - scale(below), scale(below + value) - scale(below))
  }
  return path
}

/** A bar in the place of a stretch, from its foot upwards. */
function bar(at: number, foot: number, height: number): string {
  return `M${round(at + (1 - BAR) / 2)} ${round(foot)}v${-round(height)}h${BAR}v${round(height)}z`
}

function round(value: number): number {
  return Math.round(value * 100) / 100
}

/** Zero to the top in equal steps, so that the labels stand at equal distances. */
function evenTicks(top: number): readonly number[] {
  const steps = [5, 4, 3, 2].find((count) => Number.isInteger(top / count)) ?? 1
  return Array.from({ length: steps + 1 }, (_, index) => (top / steps) * index)
}

function pick(at: readonly string[], count: number): readonly string[] {
  if (at.length <= count) return at
  return Array.from({ length: count }, (_, index) => at[Math.round((index * (at.length - 1)) / (count - 1))] ?? '')
}

/** Whether the chart spans more than two days: then days are named, not hours. */
function isLong(at: readonly string[]): boolean {
  return Date.parse(at.at(-1) ?? '') - Date.parse(at[0] ?? '') > 172_800_000
}
