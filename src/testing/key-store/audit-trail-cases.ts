import type { AuditDraft } from '../../model/audit-entry.ts'
import type { AuditPlace, AuditQuery } from '../../model/audit-trail.ts'
import type { KeyStore } from '../../model/key-store.ts'
import { expectEqual } from '../expectations.ts'
import { expectChain } from './audit-cases.ts'
import { type KeyStoreCase, keyStoreCase } from './key-store-case.ts'
import { instant, putting, sampleAudit, sampleKey } from './samples.ts'

const EVERYTHING: AuditQuery = {
  ...{ owner: undefined, keyId: undefined, action: undefined, from: undefined, to: undefined, before: undefined },
  limit: 1_000,
}

/** Owner and sequence of a list, in its order. */
async function placesOf(store: KeyStore, query: Partial<AuditQuery>): Promise<readonly string[]> {
  return (await store.queryAudit({ ...EVERYTHING, ...query })).map(({ owner, sequence }) => `${owner} ${sequence}`)
}

/** Entries of an owner, each so many milliseconds after the contract's instant. */
function entriesAt(owner: string, ...offsetsMs: number[]): readonly AuditDraft[] {
  return offsetsMs.map((offsetMs) => sampleAudit({ owner, at: instant(offsetMs) }))
}

const drafts: readonly AuditDraft[] = [
  sampleAudit({ action: 'key.created', keyId: 'key_1', at: instant(0) }),
  sampleAudit({ action: 'key.created', keyId: 'key_2', owner: 'other', at: instant(1) }),
  sampleAudit({
    action: 'manage.refused',
    keyId: 'key_2',
    actor: '=1+1',
    details: { name: '東京 🚀' },
    at: instant(2),
  }),
  sampleAudit({ action: 'policy.set', owner: '', at: instant(3) }),
  sampleAudit({ action: 'key.revoked', keyId: 'key_1', at: instant(4) }),
]

/** What a store must do with lists of audit entries, and with entries that belong to no change. */
export const auditTrailCases: readonly KeyStoreCase[] = [
  keyStoreCase('adds entries that belong to no change, each to its owner’s chain', async (store, reopen) => {
    await store.commit([putting(sampleKey(), 0)])
    await store.appendAudit([])
    await store.appendAudit(drafts)
    await (await reopen()).appendAudit(entriesAt('other', 5))
    for (const [owner, length] of [
      ['acme', 4],
      ['other', 2],
      ['', 1],
    ] as const)
      await expectChain(store, owner, length)
    const [, , refused] = await store.listAudit('acme', 0, 10)
    expectEqual(refused?.actor, '=1+1', 'the actor')
    expectEqual(refused?.details, { name: '東京 🚀' }, 'the details')
  }),

  keyStoreCase('lists audit entries newest first, exactly those that a query names', async (store) => {
    await store.appendAudit(drafts)
    const lists: readonly (readonly [Partial<AuditQuery>, readonly string[]])[] = [
      [{}, ['acme 3', ' 1', 'acme 2', 'other 1', 'acme 1']],
      [{ owner: 'acme' }, ['acme 3', 'acme 2', 'acme 1']],
      [{ owner: '' }, [' 1']],
      [{ owner: 'ACME' }, []],
      [{ keyId: 'key_2' }, ['acme 2', 'other 1']],
      [{ keyId: 'key_2', owner: 'other' }, ['other 1']],
      [{ action: 'key.created' }, ['other 1', 'acme 1']],
      [{ action: 'key.created', owner: 'acme', keyId: 'key_1' }, ['acme 1']],
      [{ from: instant(2) }, ['acme 3', ' 1', 'acme 2']],
      [{ to: instant(2) }, ['other 1', 'acme 1']],
      [{ from: instant(1), to: instant(4), owner: 'acme' }, ['acme 2']],
      [{ limit: 2 }, ['acme 3', ' 1']],
    ]
    for (const [query, places] of lists) expectEqual(await placesOf(store, query), places, JSON.stringify(query))
    const [newest] = await store.queryAudit(EVERYTHING)
    expectEqual(newest, { ...(await store.listAudit('acme', 2, 1))[0], reachedAt: instant(4) }, 'the newest entry')
  }),

  keyStoreCase('pages through everybody’s audit entries without a gap or a repeat', async (store) => {
    await store.appendAudit(['a', 'b', 'c'].flatMap((owner) => entriesAt(owner, 0, 0, 1, 1)))
    for (const query of [{}, { owner: 'b' }, { action: 'key.updated' }]) {
      const whole = await placesOf(store, query)
      expectEqual(whole.length, 'owner' in query ? 4 : 12, 'all entries')
      const paged: string[] = []
      let before: AuditPlace | undefined
      for (;;) {
        const page = await store.queryAudit({ ...EVERYTHING, ...query, before, limit: 5 })
        paged.push(...page.map(({ owner, sequence }) => `${owner} ${sequence}`))
        before = page.at(-1)
        if (before === undefined) break
      }
      expectEqual(paged, whole, `the pages of ${JSON.stringify(query)}`)
    }
  }),

  keyStoreCase('keeps the order of a chain when a clock is set back', async (store) => {
    await store.appendAudit(entriesAt('acme', 0, 5_000, -5_000, 1_000, 6_000))
    await store.appendAudit(entriesAt('other', 5_500))
    expectEqual(await placesOf(store, {}), ['acme 5', 'other 1', 'acme 4', 'acme 3', 'acme 2', 'acme 1'], 'the list')
    const written = await store.queryAudit({ ...EVERYTHING, owner: 'acme' })
    expectEqual(
      written.map(({ at }) => at),
      [6_000, 1_000, -5_000, 5_000, 0].map(instant),
      'what clocks said',
    )
    expectEqual(
      written.map(({ reachedAt }) => reachedAt),
      [6_000, 5_000, 5_000, 5_000, 0].map(instant),
      'what was reached',
    )
    expectEqual(
      await placesOf(store, { owner: 'acme', from: instant(5_000), to: instant(6_000) }),
      ['acme 4', 'acme 3', 'acme 2'],
      'a stretch of time',
    )
    await expectChain(store, 'acme', 5)
  }),
]
