import { StoreUnavailableError } from '../../model/errors.ts'
import type { Policy, Window } from '../../model/policy.ts'
import { type Row, RowReader, textOf } from './row-reader.ts'

/** Columns of a stored policy. */
export interface PolicyRow {
  readonly name: string
  /** JSON. */
  readonly windows: string
  readonly version: number
  readonly updated_at: number | null
}

export function encodePolicy({ name, windows, version, updatedAt }: Policy): PolicyRow {
  return { name, windows: JSON.stringify(windows), version, updated_at: updatedAt?.getTime() ?? null }
}

/** @throws {StoreUnavailableError} Naming the policy, when its row is damaged. */
export function decodePolicy(row: Row): Policy {
  const name = `policy ${textOf(row['name'])}`
  const reader = new RowReader(row, name)
  const windows = reader.json('windows')
  if (!Array.isArray(windows) || !windows.every(isWindow))
    throw new StoreUnavailableError(`The store's ${name} cannot be read: its windows are damaged.`)
  return {
    name: reader.text('name'),
    windows,
    version: reader.integer('version'),
    updatedAt: reader.instantOrNull('updated_at'),
  }
}

function isWindow(value: unknown): value is Window {
  if (typeof value !== 'object' || value === null) return false
  const { limit, windowSeconds, per } = value as { limit?: unknown; windowSeconds?: unknown; per?: unknown }
  const isKnown = per === undefined || per === 'key' || per === 'owner'
  return Number.isSafeInteger(limit) && Number.isSafeInteger(windowSeconds) && isKnown
}
