import { createHash } from 'node:crypto'
import { type AuditEntry, auditPayload, type KeyStore } from 'keyward'

/** Reads an owner's whole chain. */
export async function chainOf(store: KeyStore, owner: string): Promise<readonly AuditEntry[]> {
  const entries: AuditEntry[] = []
  for (;;) {
    const page = await store.listAudit(owner, entries.length, 500)
    entries.push(...page)
    if (page.length < 500) return entries
  }
}

/** Computes a chain anew and names the first sequence number that does not fit; `undefined` where all do. */
export function firstBrokenLink(entries: readonly AuditEntry[]): number | undefined {
  let previousHash = '0'.repeat(64)
  for (const [index, entry] of entries.entries()) {
    const payload = auditPayload(entry, JSON.stringify(entry.details), index + 1, previousHash)
    const hash = createHash('sha256').update(payload).digest('hex')
    if (entry.sequence !== index + 1 || entry.previousHash !== previousHash || entry.hash !== hash) return index + 1
    previousHash = hash
  }
  return undefined
}
