import type { KeyRecord } from '../../model/key-record.ts'
import type { InstantCondition } from '../../model/key-store.ts'
import { expectEqual } from '../expectations.ts'
import { type KeyStoreCase, keyStoreCase } from './key-store-case.ts'
import { instant, listIds, sampleKey, storeKeys } from './samples.ts'

const fields = ['startsAt', 'expiresAt', 'disabledAt', 'revokedAt', 'deletedAt'] as const

/** Which of the four values `null`, before, at and after the asked instant a test lets pass. */
const passing: Record<InstantCondition['test'], readonly string[]> = {
  null: ['null'],
  set: ['before', 'at', 'after'],
  after: ['after'],
  notAfter: ['before', 'at'],
  nullOrAfter: ['null', 'after'],
  nullOrNotAfter: ['null', 'before', 'at'],
}

/** What a store must list. */
export const listCases: readonly KeyStoreCase[] = [
  keyStoreCase('lists newest first, page by page, without a gap or a repeat', async (store) => {
    const ids = ['key_03', 'key_01', 'key_05', 'key_02', 'key_04']
    const [first, ...others] = ids.map((id) => sampleKey({ id }))
    await storeKeys(store, first as KeyRecord, ...others)
    expectEqual(await listIds(store, {}), ['key_05', 'key_04', 'key_03', 'key_02', 'key_01'], 'everything')
    expectEqual(await listIds(store, { limit: 2 }), ['key_05', 'key_04'], 'the first page')
    await storeKeys(store, sampleKey({ id: 'key_06' }))
    expectEqual(await listIds(store, { limit: 2, beforeId: 'key_04' }), ['key_03', 'key_02'], 'the second page')
    expectEqual(await listIds(store, { limit: 2, beforeId: 'key_02' }), ['key_01'], 'the last page')
    expectEqual(await listIds(store, { beforeId: 'key_01' }), [], 'the page after it')
  }),

  keyStoreCase('lists one owner’s keys or everybody’s', async (store) => {
    const owners = ['acme', 'acme2', 'ACME', 'acme ', '']
    const [first, ...others] = owners.map((owner) => sampleKey({ owner }))
    await storeKeys(store, first as KeyRecord, ...others)
    for (const owner of owners) expectEqual((await listIds(store, { owner })).length, 1, `the keys of "${owner}"`)
    expectEqual((await listIds(store, { owner: undefined })).length, owners.length, 'everybody’s')
  }),

  ...fields.map((field) =>
    keyStoreCase(`lists exactly what a condition on ${field} names`, async (store) => {
      const at = instant()
      await storeKeys(
        store,
        sampleKey({ name: 'null', [field]: null }),
        sampleKey({ name: 'before', [field]: instant(-1) }),
        sampleKey({ name: 'at', [field]: at }),
        sampleKey({ name: 'after', [field]: instant(1) }),
      )
      for (const [test, names] of Object.entries(passing)) {
        const conditions = [{ field, test: test as InstantCondition['test'], at }]
        const page = await store.list({ owner: 'acme', beforeId: undefined, limit: 10, conditions })
        expectEqual(page.map((record) => record.name).sort(), [...names].sort(), `what passes ${test}`)
      }
    }),
  ),

  keyStoreCase('lists what all conditions name, within owner, page and limit', async (store) => {
    const ids = ['key_1', 'key_2', 'key_3', 'key_4', 'key_5', 'key_6']
    const [first, ...others] = ids.map((id) => sampleKey({ id, expiresAt: instant(1) }))
    await storeKeys(
      store,
      first as KeyRecord,
      ...others,
      sampleKey({ id: 'key_33', revokedAt: instant() }),
      sampleKey({ id: 'key_34', expiresAt: instant(-1) }),
      sampleKey({ id: 'key_35', owner: 'other' }),
    )
    const conditions: InstantCondition[] = [
      { field: 'revokedAt', test: 'null', at: instant() },
      { field: 'expiresAt', test: 'nullOrAfter', at: instant() },
    ]
    const page = { owner: 'acme', beforeId: 'key_5', limit: 3, conditions }
    expectEqual(await listIds(store, page), ['key_4', 'key_3', 'key_2'], 'the page')
  }),
]
