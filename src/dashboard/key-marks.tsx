import type { KeyJson } from './api-json.ts'

const TONES = {
  active: 'good',
  scheduled: 'plain hollow',
  disabled: 'warn hollow',
  revoked: 'bad',
  expired: 'plain',
  deleted: 'plain',
} as const satisfies Record<KeyJson['state'], string>

const WORDS = {
  active: 'Active',
  scheduled: 'Scheduled',
  disabled: 'Disabled',
  revoked: 'Revoked',
  expired: 'Expired',
  deleted: 'Deleted',
} as const satisfies Record<KeyJson['state'], string>

/** A key's state, as a word and a colour. */
export function State({ of }: { readonly of: KeyJson['state'] }) {
  return <span class={`state ${TONES[of]}`}>{WORDS[of]}</span>
}

/** Names in small boxes; of many, the first few and how many more. */
export function Tags({ names, most = 100 }: { readonly names: readonly string[]; readonly most?: number }) {
  if (names.length === 0) return <span class="muted">None</span>
  return (
    <span class="tags">
      {names.slice(0, most).map((name) => (
        <span class="tag">{name}</span>
      ))}
      {names.length > most && (
        <span class="muted" title={names.slice(most).join(', ')}>{`+${names.length - most}`}</span>
      )}
    </span>
  )
}

/** First characters of the API key, with what stands for the rest. */
export function startOf({ start }: KeyJson): string {
  return start === null ? 'Imported' : `${start}…`
}
