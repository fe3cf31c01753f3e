import type { AuditLink, AuditQuery } from '../model/audit-trail.ts'
import type { KeyStore } from '../model/key-store.ts'

/** How the audit trail of a store is broken, and the sentence of `keyStoreContract` that finds it out. */
export const brokenAuditTrails: readonly (readonly [
  name: string,
  caughtBy: string,
  breakIt: (store: KeyStore) => Partial<KeyStore>,
])[] = [
  [
    'drops entries that belong to no change',
    'adds entries that belong to no change, each to its owner’s chain',
    (store) => ({ appendAudit: (drafts) => store.appendAudit(drafts.slice(0, 1)) }),
  ],
  [
    'lists other owners’ audit entries too',
    'lists audit entries newest first, exactly those that a query names',
    (store) => ({ queryAudit: (query) => store.queryAudit({ ...query, owner: undefined }) }),
  ],
  [
    'takes the end of a stretch of time for a part of it',
    'lists audit entries newest first, exactly those that a query names',
    (store) => ({ queryAudit: (query) => store.queryAudit({ ...query, to: query.to && later(query.to) }) }),
  ],
  [
    'ignores the action that a query names',
    'lists audit entries newest first, exactly those that a query names',
    (store) => ({ queryAudit: (query) => store.queryAudit({ ...query, action: undefined }) }),
  ],
  [
    'pages by instants alone',
    'pages through everybody’s audit entries without a gap or a repeat',
    (store) => ({ queryAudit: (query) => queryBeforeInstant(store, query) }),
  ],
  [
    'lists audit entries in the order of clocks',
    'keeps the order of a chain when a clock is set back',
    (store) => ({
      queryAudit: async (query) =>
        (await store.queryAudit(query)).toSorted((one, other) => other.at.getTime() - one.at.getTime()),
    }),
  ],
  [
    'shows links without what their hash covers',
    'tells where a chain begins and ends, and shows its links',
    (store) => ({
      listAuditLinks: async (...page) =>
        (await store.listAuditLinks(...page)).map((link): AuditLink => ({ ...link, payload: undefined })),
    }),
  ],
  [
    'forgets where a purged chain begins',
    'purges an owner’s oldest audit entries, and remembers where the chain begins',
    (store) => ({
      findAuditEnds: async (owner) => ({
        ...(await store.findAuditEnds(owner)),
        anchor: (await store.findAuditEnds('nobody')).anchor,
      }),
    }),
  ],
  [
    'purges more than it is told to',
    'purges at most as many audit entries as it is told to',
    (store) => ({ purgeAudit: (purge) => store.purgeAudit({ ...purge, limit: 1_000 }) }),
  ],
  [
    'purges what is young',
    'purges no audit entry that follows a young one',
    (store) => ({ purgeAudit: (purge) => store.purgeAudit({ ...purge, before: later(purge.before, 60_000) }) }),
  ],
  [
    'lets every purge of a chain through',
    'lets one of several purges of a chain through',
    (store) => ({
      async purgeAudit(purge) {
        const purged = await store.purgeAudit(purge)
        if (purged.outcome === 'purged') return purged
        const { anchor } = await store.findAuditEnds(purge.owner)
        return store.purgeAudit({ ...purge, expectedAnchorSequence: anchor.sequence })
      },
    }),
  ],
  [
    'names everybody whose chain could be purged',
    'names owners of audit entries from before an instant',
    (store) => ({ listAuditOwners: (before, limit) => store.listAuditOwners(later(before, 60_000), limit) }),
  ],
]

function later(at: Date, ms = 1): Date {
  return new Date(at.getTime() + ms)
}

function queryBeforeInstant(store: KeyStore, query: AuditQuery) {
  const { before, to } = query
  return store.queryAudit({ ...query, before: undefined, to: before?.reachedAt ?? to })
}
