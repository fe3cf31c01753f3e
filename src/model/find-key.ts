import { type Actor, checkReach } from './actor.ts'
import { NotFoundError } from './errors.ts'
import type { KeyRecord } from './key-record.ts'
import type { KeyStore } from './key-store.ts'

/** Finds a key that the actor may see. @throws {NotFoundError} When there is none. */
export async function findKey(store: KeyStore, keyId: string, actor: Actor | undefined): Promise<KeyRecord> {
  const record = await store.findById(keyId)
  if (record === undefined) throw new NotFoundError('There is no such key or owner.')
  checkReach(actor, record.owner)
  return record
}
