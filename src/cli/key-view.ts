import type { Key, KeyState, LimitState } from '../index.ts'
import { showExactly, showInstant } from './instant.ts'
import { type Column, fieldsText } from './table.ts'
import type { Format, Terminal } from './terminal.ts'

const colours: Readonly<Record<KeyState, Format>> = {
  active: 'green',
  scheduled: 'cyan',
  disabled: 'yellow',
  revoked: 'red',
  expired: 'red',
  deleted: 'dim',
}

/** Columns of a list of keys. */
export function keyColumns(terminal: Terminal): readonly Column<Key>[] {
  return [
    { title: 'id', text: ({ id }) => id },
    { title: 'name', text: ({ name }) => name, maxCharacters: 24 },
    { title: 'owner', text: ({ owner }) => owner, maxCharacters: 20 },
    { title: 'key', text: ({ start }) => (start === null ? '-' : `${start}…`) },
    { title: 'state', text: ({ state }) => state, paint: (text, { state }) => terminal.style(colours[state], text) },
    { title: 'last used (utc)', text: ({ lastUsedAt }) => showInstant(lastUsedAt) },
    { title: 'expires (utc)', text: ({ expiresAt }) => showInstant(expiresAt) },
  ]
}

/** A key with everything that there is to say of it; what is not set is left out. */
export function keyText(terminal: Terminal, key: Key, limits: readonly LimitState[] = []): string {
  const list = (names: readonly string[]) => names.join(', ')
  const fields: readonly (readonly [string, string | null])[] = [
    ['Id', key.id],
    ['Name', key.name],
    ['Owner', key.owner],
    ['Key', key.start === null ? 'never seen: imported by its digest' : `${key.start}…`],
    ['State', key.state],
    ['Scopes', list(key.scopes) || 'none'],
    ['Policies', list(key.policies) || 'none: no limit but those of routes'],
    ['Audiences', list(key.audiences)],
    ['Addresses', list(key.addresses)],
    ['Metadata', Object.keys(key.metadata).length === 0 ? null : JSON.stringify(key.metadata)],
    ['Created', `${showExactly(key.createdAt)}${key.createdBy === null ? '' : ` by ${key.createdBy}`}`],
    ['Last used', key.lastUsedAt === null ? 'never' : showExactly(key.lastUsedAt)],
    ['Starts', key.startsAt && showExactly(key.startsAt)],
    ['Expires', key.expiresAt === null ? 'never' : showExactly(key.expiresAt)],
    ['Disabled', key.disabledAt && showExactly(key.disabledAt)],
    ['Revoked', key.revokedAt && showExactly(key.revokedAt)],
    ['Deleted', key.deletedAt && showExactly(key.deletedAt)],
    ['Rotated from', key.rotatedFrom],
    ['Rotated to', key.rotatedTo],
    ['Version', String(key.version)],
    ...limits.map((limit) => ['Left', leftText(limit)] as const),
  ]
  return fieldsText(
    terminal,
    fields.flatMap(([title, text]) => (text ? [[title, text] as const] : [])),
  )
}

function leftText({ remaining, limit, windowSeconds, policy }: LimitState): string {
  return `${remaining} of ${limit} in ${windowSeconds} s (${policy})`
}
