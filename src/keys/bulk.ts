import { checkReach, type ManageContext } from '../model/actor.ts'
import { InvalidInputError, KeywardError } from '../model/errors.ts'
import type { KeyRecord } from '../model/key-record.ts'
import type { InstantCondition, KeyChange, KeyStore } from '../model/key-store.ts'
import type { Committer } from './committer.ts'
import { changeKey, findToChange, type Step } from './key-change.ts'

/** Which keys: up to 1,000 ids, or all that an owner has. */
export type BulkSelection = { readonly ids: readonly string[] } | { readonly owner: string }

/** What became of one key: done, or the error's code. */
export type BulkResult =
  | { readonly id: string; readonly ok: true; readonly fenced: boolean }
  | { readonly id: string; readonly ok: false; readonly code: string }

/** How many keys one transaction changes. */
const BATCH = 200
const MAX_IDS = 1_000
const PAGE = 1_000

/**
 * Changes many keys, in transactions of up to 200, each key with its own outcome and audit entry.
 *
 * @param conditions - Which of an owner's keys are meant.
 * @throws {InvalidInputError} For more than 1,000 ids.
 */
export async function changeKeys(
  store: KeyStore,
  committer: Committer,
  selection: BulkSelection,
  conditions: readonly InstantCondition[],
  context: ManageContext | undefined,
  plan: (record: KeyRecord, at: Date) => Step<KeyRecord>,
): Promise<readonly BulkResult[]> {
  const ids =
    'ids' in selection ? [...new Set(selection.ids)] : await idsOf(store, selection.owner, context, conditions)
  if ('ids' in selection && ids.length > MAX_IDS)
    throw new InvalidInputError([{ path: ['ids'], message: `must have at most ${MAX_IDS} entries` }])
  const results: BulkResult[] = []
  for (let from = 0; from < ids.length; from += BATCH) {
    const batch = ids.slice(from, from + BATCH)
    const done = await changeTogether(store, committer, batch, context, plan)
    for (const id of batch) results.push(done.get(id) ?? (await changeAlone(store, committer, id, context, plan)))
  }
  return results
}

/** Leaves out what one transaction cannot do: a second key of a lineage, and a key that somebody else changed meanwhile. */
async function changeTogether(
  store: KeyStore,
  committer: Committer,
  ids: readonly string[],
  context: ManageContext | undefined,
  plan: (record: KeyRecord, at: Date) => Step<KeyRecord>,
): Promise<Map<string, BulkResult>> {
  const results = new Map<string, BulkResult>()
  const changes = new Map<string, KeyChange>()
  const lineages = new Set<string>()
  for (const id of ids) {
    try {
      const record = await findToChange(store, id, context)
      if (lineages.has(record.lineage)) continue
      const { change } = plan(record, new Date(store.clock.now()))
      if (change === undefined) results.set(id, { id, ok: true, fenced: await committer.fence(record) })
      else changes.set(id, change)
      lineages.add(record.lineage)
    } catch (error) {
      results.set(id, failed(id, error))
    }
  }
  const outcomes = await committer.commit([...changes.values()])
  for (const [index, id] of [...changes.keys()].entries()) {
    const outcome = outcomes[index]
    if (outcome?.result === 'committed') results.set(id, { id, ok: true, fenced: outcome.fenced })
  }
  return results
}

async function changeAlone(
  store: KeyStore,
  committer: Committer,
  id: string,
  context: ManageContext | undefined,
  plan: (record: KeyRecord, at: Date) => Step<KeyRecord>,
): Promise<BulkResult> {
  try {
    const { fenced } = await changeKey(store, committer, id, context, plan)
    return { id, ok: true, fenced }
  } catch (error) {
    return failed(id, error)
  }
}

async function idsOf(
  store: KeyStore,
  owner: string,
  context: ManageContext | undefined,
  conditions: readonly InstantCondition[],
): Promise<readonly string[]> {
  checkReach(context?.actor, owner)
  const ids: string[] = []
  for (;;) {
    const page = await store.list({ owner, beforeId: ids.at(-1), limit: PAGE, conditions })
    for (const { id } of page) ids.push(id)
    if (page.length < PAGE) return ids
  }
}

function failed(id: string, error: unknown): BulkResult {
  if (error instanceof KeywardError) return { id, ok: false, code: error.code }
  throw error
}
