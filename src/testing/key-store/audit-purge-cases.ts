import { AUDIT_CHAIN_START, type AuditDraft } from '../../model/audit-entry.ts'
import type { AuditPurge } from '../../model/audit-trail.ts'
import type { KeyStore } from '../../model/key-store.ts'
import { sha256 } from '../../model/sha256.ts'
import { expectEqual } from '../expectations.ts'
import { CONTRACT_NOW, type KeyStoreCase, keyStoreCase } from './key-store-case.ts'
import { instant, sampleAudit } from './samples.ts'

const NOTHING = { sequence: 0, hash: AUDIT_CHAIN_START, reachedAtMs: 0 }

/** Throws unless what is left of an owner's chain is linked from its anchor to its head, in so many links. */
async function expectLinks(store: KeyStore, owner: string, length: number): Promise<void> {
  const { anchor, head } = await store.findAuditEnds(owner)
  const links = await store.listAuditLinks(owner, anchor.sequence, length + 1)
  expectEqual(links.length, length, `links of ${owner}`)
  let previous = anchor
  for (const link of links) {
    expectEqual(link.sequence, previous.sequence + 1, 'the place in the chain')
    expectEqual(link.previousHash, previous.hash, `previousHash of link ${link.sequence}`)
    expectEqual(await sha256(link.payload ?? '', 'hex'), link.hash, `hash of link ${link.sequence}`)
    expectEqual(link.reachedAtMs, Math.max(link.atMs, previous.reachedAtMs), `what link ${link.sequence} reached`)
    const { sequence, hash, reachedAtMs } = link
    previous = { sequence, hash, reachedAtMs }
  }
  expectEqual(head, previous, 'the head')
}

function purgeOf(owner: string, fields: Partial<AuditPurge> = {}): AuditPurge {
  return { owner, before: instant(0), expectedAnchorSequence: 0, limit: 100, ...fields }
}

function entriesAt(owner: string, ...offsetsMs: number[]): readonly AuditDraft[] {
  return offsetsMs.map((offsetMs) => sampleAudit({ owner, at: instant(offsetMs), details: { offsetMs } }))
}

async function sequencesOf(store: KeyStore, owner: string): Promise<readonly number[]> {
  return (await store.listAudit(owner, 0, 100)).map(({ sequence }) => sequence)
}

/** What a store must do when old audit entries are purged. */
export const auditPurgeCases: readonly KeyStoreCase[] = [
  keyStoreCase('tells where a chain begins and ends, and shows its links', async (store, reopen) => {
    expectEqual(await store.findAuditEnds('acme'), { anchor: NOTHING, head: NOTHING }, 'the ends of no chain')
    expectEqual(await store.listAuditLinks('acme', 0, 10), [], 'the links of no chain')
    await store.appendAudit(entriesAt('acme', 0, 1, -1, 2))
    await expectLinks(await reopen(), 'acme', 4)
    const [third] = await store.listAuditLinks('acme', 2, 1)
    expectEqual([third?.sequence, third?.atMs], [3, CONTRACT_NOW - 1], 'the link after the second')
  }),

  keyStoreCase(
    'purges an owner’s oldest audit entries, and remembers where the chain begins',
    async (store, reopen) => {
      await store.appendAudit([...entriesAt('acme', -3, -2, -1, 0, 1), ...entriesAt('other', -9)])
      const last = (await store.listAudit('acme', 2, 1))[0]
      const anchor = { sequence: 3, hash: last?.hash ?? '', reachedAtMs: CONTRACT_NOW - 1 }
      expectEqual(await store.purgeAudit(purgeOf('acme')), { outcome: 'purged', entries: 3, anchor }, 'the purge')
      const again = await reopen()
      expectEqual((await again.findAuditEnds('acme')).anchor, anchor, 'the anchor')
      expectEqual(await sequencesOf(again, 'acme'), [4, 5], 'what is left')
      await expectLinks(again, 'acme', 2)
      await expectLinks(again, 'other', 1)
      const nothing = { outcome: 'purged', entries: 0, anchor }
      expectEqual(await store.purgeAudit(purgeOf('acme', { expectedAnchorSequence: 3 })), nothing, 'the next purge')
      expectEqual(await store.purgeAudit(purgeOf('nobody')), { ...nothing, anchor: NOTHING }, 'a purge of no chain')
    },
  ),

  keyStoreCase('purges at most as many audit entries as it is told to', async (store) => {
    await store.appendAudit(entriesAt('acme', -5, -4, -3, -2, -1))
    for (const [expectedAnchorSequence, entries] of [
      [0, 2],
      [2, 2],
      [4, 1],
    ] as const) {
      const purged = await store.purgeAudit(purgeOf('acme', { expectedAnchorSequence, limit: 2 }))
      expectEqual([purged.outcome, 'entries' in purged && purged.entries], ['purged', entries], 'a purge')
    }
    await expectLinks(store, 'acme', 0)
    await store.appendAudit(entriesAt('acme', 0))
    expectEqual(await sequencesOf(store, 'acme'), [6], 'the entry after all were purged')
    await expectLinks(store, 'acme', 1)
  }),

  keyStoreCase('purges no audit entry that follows a young one', async (store) => {
    await store.appendAudit(entriesAt('acme', -9, 5, -8, -7, 6))
    const purged = await store.purgeAudit(purgeOf('acme'))
    expectEqual('entries' in purged && purged.entries, 1, 'how many are gone')
    expectEqual(await sequencesOf(store, 'acme'), [2, 3, 4, 5], 'what is left')
  }),

  keyStoreCase('lets one of several purges of a chain through', async (store, reopen) => {
    await store.appendAudit(entriesAt('acme', -4, -3, -2, -1, 0))
    const again = await reopen()
    const purges = Array.from({ length: 6 }, (_, index) =>
      (index % 2 === 0 ? store : again).purgeAudit(purgeOf('acme', { limit: 2 })),
    )
    const outcomes = (await Promise.all(purges)).map(({ outcome }) => outcome)
    expectEqual(outcomes.sort(), ['purged', ...Array(5).fill('superseded')], 'the outcomes')
    expectEqual(await sequencesOf(again, 'acme'), [3, 4, 5], 'what is left')
    await expectLinks(again, 'acme', 3)
  }),

  keyStoreCase('names owners of audit entries from before an instant', async (store) => {
    await store.appendAudit([...entriesAt('acme', -9, 5), ...entriesAt('other', 0), ...entriesAt('', -1)])
    const owners = async (offsetMs: number, limit = 10) =>
      Array.from(await store.listAuditOwners(instant(offsetMs), limit)).sort()
    expectEqual(await owners(-9), [], 'before the oldest')
    expectEqual(await owners(0), ['', 'acme'], 'before now')
    expectEqual(await owners(1), ['', 'acme', 'other'], 'after now')
    expectEqual((await owners(1, 2)).length, 2, 'two at most')
    await store.purgeAudit(purgeOf('acme'))
    expectEqual(await owners(0), [''], 'after a purge')
  }),
]
