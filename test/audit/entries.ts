import type { AuditDraft, KeyStore } from 'keyward'

const DAY_MS = 86_400_000

/** An entry of an owner like most. */
export function entryAt(at: Date | number, fields: Partial<AuditDraft> = {}): AuditDraft {
  return {
    action: 'key.updated',
    owner: 'acme',
    keyId: null,
    actor: 'ada',
    address: '192.0.2.1',
    requestId: null,
    at: new Date(at),
    details: {},
    ...fields,
  }
}

/** Writes one entry for each number of days before an instant. */
export async function writeDaysAgo(
  store: KeyStore,
  owner: string,
  now: number,
  days: readonly number[],
): Promise<void> {
  await store.appendAudit(days.map((each) => entryAt(now - each * DAY_MS, { owner, details: { days: each } })))
}
