import type { Child } from 'hono/jsx'
import type { InputIssue } from '../index.ts'
import type { Refusal } from './calls.ts'
import { field } from './read-form.ts'

/** When a key may expire: a name, what it is called, and how many seconds from now. */
export type ExpiryChoice = readonly [name: string, label: string, seconds: number | null]

const DAY_SECONDS = 86_400

/** Sensible lifetimes of a new key. */
export const EXPIRIES: readonly ExpiryChoice[] = [
  ['never', 'Never', null],
  ['7d', 'In 7 days', 7 * DAY_SECONDS],
  ['30d', 'In 30 days', 30 * DAY_SECONDS],
  ['90d', 'In 90 days', 90 * DAY_SECONDS],
  ['365d', 'In a year', 365 * DAY_SECONDS],
]

/** Asks when a key expires: one of some choices, or a day. */
export function ExpiryField(props: {
  readonly choices: readonly ExpiryChoice[]
  readonly chosen: string
  readonly date: string
  readonly wrong: Child
}) {
  return (
    <div class="filters">
      <label class="field wide">
        <span>Expires</span>
        <select name="expiry">
          {props.choices.map(([name, label]) => (
            <option value={name} selected={props.chosen === name}>
              {label}
            </option>
          ))}
          <option value="date" selected={props.chosen === 'date'}>
            On a date
          </option>
        </select>
        {props.wrong}
      </label>
      <label class="field">
        <span>Date (UTC)</span>
        <input type="date" name="expiry-date" value={props.date} />
      </label>
    </div>
  )
}

/** Reads what {@link ExpiryField} asked. A date counts as the end of that day, UTC; one that is given wins. */
export function readExpiry(
  form: URLSearchParams,
  now: Date,
): { readonly at: string | null | undefined } | { readonly issue: InputIssue } {
  const chosen = field(form, 'expiry')
  const date = field(form, 'expiry-date')
  if (chosen === 'keep' && date === '') return { at: undefined }
  if (chosen === 'date' || date !== '') {
    const at = new Date(`${date}T23:59:59.000Z`)
    if (Number.isNaN(at.getTime())) return { issue: { path: ['expiresAt'], message: 'must be a date' } }
    return { at: at.toISOString() }
  }
  const seconds = EXPIRIES.find(([name]) => name === chosen)?.[2] ?? null
  return { at: seconds === null ? null : new Date(now.getTime() + seconds * 1_000).toISOString() }
}

/** What is wrong with a field, to stand under it; `undefined` where nothing is. */
export function issueFor(refusal: Refusal | undefined, path: readonly string[]): Child | undefined {
  const found = refusal?.issues.find((issue) => path.every((step, index) => issue.path[index] === step))
  return found === undefined ? undefined : <span class="wrong" role="alert">{`This ${found.message}.`}</span>
}
