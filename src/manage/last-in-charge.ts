import type { Actor, BulkSelection, Keyward } from '../index.ts'
import { isKeyId } from './key-id.ts'

/** How many active keys are looked at for another one that manages, newest first, and how many at once. */
const MOST_LOOKED_AT = 10_000
const PAGE = 100

/**
 * Says whether a key that is an actor would end itself with the last key that can manage: the only active one of its owner
 * (of every owner, for an actor of every owner) that has the scope `keyward:keys:write` or `*`. Nobody could take that back
 * with a key. Where there are more than 10,000 active keys and none of the newest is another manager, it counts as the last.
 *
 * A rail and no lock: of two last keys that end themselves in the same moment, each sees the other. Whether keys manage at
 * all is the host's affair, and so are other ways in; hence `force`.
 */
export async function endsLastInCharge({ keys }: Keyward, actor: Actor, selection: BulkSelection): Promise<boolean> {
  if (!(await endsItself({ keys }, actor, selection))) return false
  const isEnded = (key: { readonly id: string; readonly owner: string }) =>
    'ids' in selection ? selection.ids.includes(key.id) : selection.owner === key.owner
  let cursor: string | undefined
  for (let looked = 0; looked < MOST_LOOKED_AT; looked += PAGE) {
    const owner = actor.owner ?? undefined
    const page = await keys.list({ owner, state: 'active', limit: PAGE, cursor })
    if (page.items.some((key) => !isEnded(key) && key.id !== actor.id && manages(key.scopes))) return false
    if (page.nextCursor === null) return true
    cursor = page.nextCursor
  }
  return true
}

async function endsItself({ keys }: Pick<Keyward, 'keys'>, actor: Actor, selection: BulkSelection): Promise<boolean> {
  if (!isKeyId(actor.id)) return false
  if ('ids' in selection) return selection.ids.includes(actor.id)
  const key = await keys.get(actor.id).catch(() => undefined)
  return key?.owner === selection.owner
}

function manages(scopes: readonly string[]): boolean {
  return scopes.includes('keyward:keys:write') || scopes.includes('*')
}
