import type { Policy } from '../../model/policy.ts'
import { expectEqual } from '../expectations.ts'
import { expectChain } from './audit-cases.ts'
import { type KeyStoreCase, keyStoreCase } from './key-store-case.ts'
import { instant, sampleAudit } from './samples.ts'

const audit = sampleAudit({ action: 'policy.set', owner: '' })

function samplePolicy(fields: Partial<Policy> = {}): Policy {
  return { name: 'standard', windows: [{ limit: 100, windowSeconds: 60 }], version: 1, updatedAt: instant(), ...fields }
}

/** What a store must do with policies and notes. */
export const policyCases: readonly KeyStoreCase[] = [
  keyStoreCase('lists policies as they were stored, in order of name', async (store, reopen) => {
    expectEqual(await store.listPolicies(), [], 'policies at first')
    const windows = [
      { limit: 0, windowSeconds: 1, per: 'owner' as const },
      { limit: 1_000_000_000, windowSeconds: 2_073_600, per: 'key' as const },
      { limit: 5, windowSeconds: 60 },
    ]
    const policies = [samplePolicy({ name: 'a.b' }), samplePolicy({ name: 'burst', windows }), samplePolicy()]
    for (const policy of [2, 0, 1].map((index) => policies[index] as Policy))
      expectEqual(await store.setPolicy(policy, audit), true, `storing ${policy.name}`)
    expectEqual(await store.listPolicies(), policies, 'policies')
    expectEqual(await (await reopen()).listPolicies(), policies, 'policies for another store')
    await expectChain(store, '', 3)
  }),

  keyStoreCase('stores a policy only at the version after the stored one', async (store) => {
    expectEqual(await store.setPolicy(samplePolicy({ version: 2 }), audit), false, 'version 2 before 1')
    expectEqual(await store.setPolicy(samplePolicy(), audit), true, 'version 1')
    const edited = samplePolicy({ version: 2, windows: [], updatedAt: null })
    for (const version of [1, 3]) {
      const late = samplePolicy({ version, windows: [{ limit: 1, windowSeconds: 1 }] })
      expectEqual(await store.setPolicy(late, audit), false, `version ${version} after 1`)
    }
    expectEqual(await store.listPolicies(), [samplePolicy()], 'the policy')
    expectEqual(await store.setPolicy(edited, audit), true, 'version 2 after 1')
    expectEqual(await store.listPolicies(), [edited], 'the edited policy')
    await expectChain(store, '', 2)
  }),

  keyStoreCase('lets exactly one of several edits of a policy through', async (store, reopen) => {
    const again = await reopen()
    const edits = Array.from({ length: 8 }, (_, index) => {
      const windows = [{ limit: index, windowSeconds: 60 }]
      return (index % 2 === 0 ? store : again).setPolicy(samplePolicy({ windows }), audit)
    })
    const stored = await Promise.all(edits)
    expectEqual(stored.filter((each) => each).length, 1, 'edits that were stored')
    const [policy] = await again.listPolicies()
    expectEqual(policy?.windows[0]?.limit, stored.indexOf(true), 'the one that is there')
    await expectChain(store, '', 1)
  }),

  keyStoreCase('keeps the first note of a name', async (store, reopen) => {
    expectEqual(await store.keepNote('pepper', 'first'), 'first', 'the first')
    expectEqual(await store.keepNote('pepper', 'second'), 'first', 'the second')
    expectEqual(await store.keepNote('__proto__', 'other 東京'), 'other 東京', 'another name')
    const again = await reopen()
    expectEqual(await again.keepNote('pepper', 'third'), 'first', 'the third, by another store')
    const texts = ['a', 'b', 'c', 'd'].map((text, index) => (index % 2 === 0 ? store : again).keepNote('race', text))
    expectEqual(new Set(await Promise.all(texts)).size, 1, 'notes that were kept of several at once')
  }),

  keyStoreCase('finds notes without keeping any, and drops those of a range', async (store, reopen) => {
    expectEqual(await store.findNote('entry:1'), undefined, 'a note that nobody kept')
    for (const name of ['entry:1', 'entry:2', 'entry:3', 'exit:1']) await store.keepNote(name, `of ${name}`)
    const again = await reopen()
    expectEqual(await again.findNote('entry:2'), 'of entry:2', 'a note, by another store')
    await store.dropNotes('entry:', 'entry:3')
    const found = await Promise.all(['entry:1', 'entry:2', 'entry:3', 'exit:1'].map((name) => again.findNote(name)))
    expectEqual(found, [undefined, undefined, 'of entry:3', 'of exit:1'], 'what is left')
    expectEqual(await store.keepNote('entry:1', 'anew'), 'anew', 'a note in the place of one that was dropped')
  }),
]
