import type { Fence } from '../../model/key-store.ts'
import { type Row, RowReader, textOf } from './row-reader.ts'

/** @throws {StoreUnavailableError} Naming the lineage, when the row of the outbox is damaged. */
export function decodeFence(row: Row): Fence {
  const reader = new RowReader(row, `fence of ${textOf(row['lineage'])}`)
  return { owner: reader.text('owner'), lineage: reader.text('lineage'), version: reader.integer('version') }
}
