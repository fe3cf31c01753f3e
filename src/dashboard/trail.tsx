import type { AuditEntryJson } from './api-json.ts'
import { Empty, Instant } from './figures.tsx'
import type { Visitor } from './visitor.ts'

const ACTIONS: Readonly<Record<string, string>> = {
  'key.created': 'Created the key',
  'key.imported': 'Imported the key',
  'key.updated': 'Changed the key',
  'key.rotated': 'Rotated the key',
  'key.disabled': 'Disabled the key',
  'key.enabled': 'Enabled the key',
  'key.revoked': 'Revoked the key',
  'key.deleted': 'Deleted the key',
  'key.purged': 'Purged the key',
  'policy.set': 'Set a policy',
  'credits.topped_up': 'Topped up credits',
  'credits.set': 'Set credits',
  'manage.refused': 'Was refused',
  'alert.acknowledged': 'Acknowledged an alert',
  'alert.snoozed': 'Snoozed an alert',
  'dashboard.signed_in': 'Signed in',
  'dashboard.signed_out': 'Signed out',
}

/** Every action that has words, for a filter. */
export const AUDIT_ACTIONS = Object.entries(ACTIONS)

/** Audit entries: who did what, on what, from where, when, and what it changed. */
export function Trail({
  visitor,
  entries,
}: {
  readonly visitor: Visitor
  readonly entries: readonly AuditEntryJson[]
}) {
  if (entries.length === 0) return <Empty>Whatever is done to keys appears here, with who did it.</Empty>
  return (
    <table class="rows">
      <thead>
        <tr>
          <th scope="col">What</th>
          <th scope="col">Who</th>
          <th scope="col">On what</th>
          <th scope="col">From</th>
          <th scope="col">When</th>
          <th scope="col">Change</th>
        </tr>
      </thead>
      <tbody>
        {entries.map((entry) => (
          <tr>
            <th scope="row">{ACTIONS[entry.action] ?? entry.action}</th>
            <td data-label="Who">{entry.actor ?? 'The application'}</td>
            <td data-label="On what">
              {entry.keyId === null ? (
                entry.owner || (
                  <span class="muted">{entry.action.startsWith('dashboard.') ? 'Dashboard' : 'Everything'}</span>
                )
              ) : (
                <a
                  class="mono"
                  href={`${visitor.basePath}/${entry.keyId}`}
                  title={entry.keyId}
                >{`…${entry.keyId.slice(-6)}`}</a>
              )}
            </td>
            <td data-label="From" class="mono">
              {entry.address ?? '–'}
            </td>
            <td data-label="When">
              <Instant at={entry.at} />
            </td>
            <td data-label="Change">
              <Change entry={entry} />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  )
}

/** Longer values are cut: the export has them whole. */
const MOST_CHARACTERS = 400

function Change({ entry }: { readonly entry: AuditEntryJson }) {
  const text = JSON.stringify(entry.details, null, 1)
    .replaceAll(/[{}"]|,$/gm, '')
    .replaceAll(/\n\s*\n/g, '\n')
    .trim()
  return (
    <details>
      <summary aria-label={`Details of entry ${entry.sequence}`}>{`#${entry.sequence}`}</summary>
      <code class="change">{text.slice(0, MOST_CHARACTERS) || 'Nothing more is known.'}</code>
      {entry.requestId !== null && <small class="mono">{entry.requestId}</small>}
    </details>
  )
}
