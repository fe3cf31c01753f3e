import type { Child } from 'hono/jsx'

const WHOLE = new Intl.NumberFormat('en')
const COMPACT = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 })

/** Writes a whole number with its digits grouped. */
export function grouped(value: number): string {
  return WHOLE.format(value)
}

/** Writes a number for an axis: `1.2K`. */
export function compact(value: number): string {
  return COMPACT.format(value)
}

/** Writes a number with what it counts: `1 request`, `2 requests`. */
export function counted(value: number, one: string, many = `${one}s`): string {
  return `${grouped(value)} ${value === 1 ? one : many}`
}

/** Writes a share of one as a percentage: `1.3%`. */
export function percent(part: number, whole: number): string {
  if (whole === 0) return '0%'
  const value = (part / whole) * 100
  return `${value > 0 && value < 0.1 ? '<0.1' : value.toFixed(value < 10 ? 1 : 0)}%`
}

/** Writes a length of time in seconds: `1 minute`, `24 hours`, `7 days`. */
export function lengthOf(seconds: number): string {
  const units = [
    [86_400, 'day'],
    [3_600, 'hour'],
    [60, 'minute'],
  ] as const
  for (const [size, name] of units) if (seconds % size === 0 && seconds >= size) return counted(seconds / size, name)
  return counted(seconds, 'second')
}

/** An instant: in UTC as it comes, in the reader's own zone and relative to now once the page's script has seen it. */
export function Instant({ at, absent = 'Never' }: { readonly at: string | null; readonly absent?: string }) {
  if (at === null) return <span class="muted">{absent}</span>
  return <time datetime={at}>{`${at.slice(0, 16).replace('T', ' ')} UTC`}</time>
}

/** A number that a page is about, with its name. */
export function Figure(props: { readonly name: string; readonly children?: Child; readonly note?: Child }) {
  return (
    <div class="figure">
      <dt>{props.name}</dt>
      <dd>
        {props.children}
        {props.note !== undefined && <small>{props.note}</small>}
      </dd>
    </div>
  )
}

/** What stands where nothing is yet: what will appear, and what makes it appear. */
export function Empty(props: { readonly children?: Child; readonly action?: Child }) {
  return (
    <div class="empty">
      <p>{props.children}</p>
      {props.action}
    </div>
  )
}

/** A button that copies the text of an element. It is there only where the page's script runs. */
export function CopyButton({ of, label = 'Copy' }: { readonly of: string; readonly label?: string }) {
  return (
    <button type="button" class="copy" data-copy={of} hidden>
      {label}
    </button>
  )
}
