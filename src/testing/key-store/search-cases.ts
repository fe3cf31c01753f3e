import type { KeyRecord } from '../../model/key-record.ts'
import type { InstantCondition, KeyOrder, KeyQuery, KeyStore } from '../../model/key-store.ts'
import { expectEqual } from '../expectations.ts'
import { type KeyStoreCase, keyStoreCase } from './key-store-case.ts'
import { commitOne, instant, listIds, putting, removing, sampleKey, storeKeys } from './samples.ts'

/** Walks through a list page by page. */
async function pagesOf(
  store: KeyStore,
  query: Partial<KeyQuery>,
  placeAfter: (record: KeyRecord) => Pick<KeyQuery, 'beforeId' | 'order'>,
): Promise<readonly string[]> {
  const ids: string[] = []
  let page: readonly KeyRecord[] = []
  do {
    const last = page.at(-1)
    const all = { owner: undefined, beforeId: undefined, limit: 2, conditions: [], ...query }
    page = await store.list({ ...all, ...(last && placeAfter(last)) })
    ids.push(...page.map(({ id }) => id))
  } while (page.length > 0 && ids.length < 100)
  return ids
}

/** Stores keys whose ids are their places in this list, so that they say what was found. */
async function storeNamed(store: KeyStore, names: readonly string[], fields: Partial<KeyRecord> = {}): Promise<void> {
  const [first, ...others] = names.map((name, index) => sampleKey({ id: `key_${index}`, name, start: null, ...fields }))
  await storeKeys(store, first as KeyRecord, ...others)
}

/** What a store must find, and in which orders it must list. */
export const searchCases: readonly KeyStoreCase[] = [
  keyStoreCase('finds keys by the beginning of their name, in upper or lower case', async (store) => {
    await storeNamed(store, ['Production', 'production 2', 'PROD', 'pro', 'my production', 'prod', 'Prada'])
    expectEqual(await listIds(store, { search: 'prod' }), ['key_5', 'key_2', 'key_1', 'key_0'], 'what begins with prod')
    expectEqual(await listIds(store, { search: 'PRODUCTION ' }), ['key_1'], 'what begins with PRODUCTION and a space')
    expectEqual(await listIds(store, { search: 'duction' }), [], 'what holds it further on')
    expectEqual(await listIds(store, { search: 'prod', limit: 2 }), ['key_5', 'key_2'], 'a page')
    expectEqual(await listIds(store, { search: 'prod', beforeId: 'key_2' }), ['key_1', 'key_0'], 'the next page')
  }),

  keyStoreCase('finds names in any writing, whatever their case', async (store) => {
    await storeNamed(store, [
      'Ökonomie',
      'ökonom',
      'OKONOM',
      'ΟΔΟΣ ΑΒ',
      'οδοσ',
      'ДОМ',
      '東京 2',
      '🚀 go',
      'o\u0308konom',
    ])
    expectEqual(await listIds(store, { search: 'ÖKONOM' }), ['key_8', 'key_1', 'key_0'], 'umlauts')
    expectEqual(
      await listIds(store, { search: 'οδοΣ' }),
      ['key_4', 'key_3'],
      'a sigma that is final here and not there',
    )
    expectEqual(await listIds(store, { search: 'дом' }), ['key_5'], 'cyrillic')
    expectEqual(await listIds(store, { search: '東' }), ['key_6'], 'no case at all')
    expectEqual(await listIds(store, { search: '🚀' }), ['key_7'], 'outside the first plane')
  }),

  keyStoreCase('takes every character of a search as it is', async (store) => {
    const names = ['%', '_', '*', "' OR 1=1--", 'abc', '\\', 'a%c', '?', '[a-z]', '"x"', '.*']
    await storeNamed(store, names)
    for (const [index, name] of names.entries()) {
      if (name === 'abc') continue
      expectEqual(await listIds(store, { search: name }), [`key_${index}`], `what begins with ${name}`)
    }
    expectEqual(await listIds(store, { search: 'a_c' }), [], 'what begins with a_c')
    expectEqual(await listIds(store, { search: '\u{10ffff}' }), [], 'what begins with the last character')
  }),

  keyStoreCase('finds keys by the beginning of their start or owner as it is, and by their whole id', async (store) => {
    await storeKeys(
      store,
      sampleKey({ id: 'key_1', start: 'vp_live_Ab12', owner: 'acme' }),
      sampleKey({ id: 'key_2', start: 'vp_live_ab12', owner: 'acme2' }),
      sampleKey({ id: 'key_3', start: null, owner: 'ACME' }),
      sampleKey({ id: 'key_33', start: 'vp_test_0000', owner: 'other' }),
    )
    expectEqual(await listIds(store, { search: 'vp_live_Ab' }), ['key_1'], 'a start')
    expectEqual(await listIds(store, { search: 'vp_' }), ['key_33', 'key_2', 'key_1'], 'starts')
    expectEqual(await listIds(store, { search: 'acme' }), ['key_2', 'key_1'], 'owners')
    expectEqual(await listIds(store, { search: 'key_3' }), ['key_3'], 'an id')
    expectEqual(await listIds(store, { search: 'key_' }), [], 'the beginning of ids')
    expectEqual(await listIds(store, { search: 'acme', owner: 'acme' }), ['key_1'], 'an owner’s own keys')
    expectEqual(await listIds(store, { search: 'acme', owner: 'other' }), [], 'another owner’s')
    expectEqual(await listIds(store, { search: 'key_1', owner: 'other' }), [], 'another owner’s key')
  }),

  keyStoreCase('finds nothing by a name that a key had, or by a key that is gone', async (store) => {
    const record = await storeKeys(store, sampleKey({ name: 'before' }))
    await commitOne(store, putting({ ...record, name: 'After' }, 1))
    expectEqual(await listIds(store, { search: 'before' }), [], 'the old name')
    expectEqual(await listIds(store, { search: 'after' }), [record.id], 'the new name')
    await commitOne(store, removing(record, 2))
    expectEqual(await listIds(store, { search: 'after' }), [], 'a purged key')
    expectEqual(await listIds(store, { order: { by: 'lastUsed' } }), [], 'a purged key in the order of uses')
  }),

  keyStoreCase('looks only among what owner, conditions and search name together', async (store) => {
    const conditions: readonly InstantCondition[] = [{ field: 'revokedAt', test: 'set', at: instant() }]
    await storeKeys(
      store,
      sampleKey({ id: 'key_1', name: 'job 1', revokedAt: instant(-5) }),
      sampleKey({ id: 'key_2', name: 'job 2' }),
      sampleKey({ id: 'key_3', name: 'job 3', revokedAt: instant(5), owner: 'other' }),
      sampleKey({ id: 'key_4', name: 'no job', revokedAt: instant(5) }),
      sampleKey({ id: 'key_5', name: 'job 5', revokedAt: instant(5) }),
    )
    for (const by of [undefined, 'oldest', 'name', 'lastUsed'] as const) {
      const order = by && { by }
      const found = await listIds(store, { owner: 'acme', search: 'job', conditions, order })
      expectEqual([...found].sort(), ['key_1', 'key_5'], `what is found in the order ${by}`)
    }
  }),

  keyStoreCase('lists oldest first, page by page', async (store) => {
    await storeNamed(store, ['e', 'd', 'c', 'b', 'a'])
    const placeAfter = ({ id }: KeyRecord) => ({ beforeId: undefined, order: { by: 'oldest', after: { id } } as const })
    const ids = await pagesOf(store, { order: { by: 'oldest' } }, placeAfter)
    expectEqual(ids, ['key_0', 'key_1', 'key_2', 'key_3', 'key_4'], 'all pages')
  }),

  keyStoreCase('lists by name whatever its case, then by id, page by page', async (store) => {
    await storeNamed(store, ['b', 'A', 'a', '\u{10000}', 'é', '\uffee', 'B', 'a', 'a a', 'Z'])
    const sorted = ['key_1', 'key_2', 'key_7', 'key_8', 'key_0', 'key_6', 'key_9', 'key_4', 'key_5', 'key_3']
    expectEqual(await listIds(store, { order: { by: 'name' } }), sorted, 'everything')
    const after = (record: KeyRecord) => {
      const place = { id: record.id, foldedName: record.name.toLowerCase() }
      return { beforeId: undefined, order: { by: 'name', after: place } } as const
    }
    expectEqual(await pagesOf(store, { order: { by: 'name' } }, after), sorted, 'all pages')
    expectEqual(await pagesOf(store, { owner: 'acme', order: { by: 'name' } }, after), sorted, 'one owner’s pages')
    const found = await pagesOf(store, { search: 'a', order: { by: 'name' } }, after)
    // The owner of all begins with it.
    expectEqual(found, sorted, 'pages of a search')
  }),

  keyStoreCase('lists by last use, keys without one last, page by page', async (store) => {
    await storeNamed(store, ['a', 'b', 'c', 'd', 'e', 'f'])
    await store.recordUses([
      { keyId: 'key_1', usedAt: instant(5) },
      { keyId: 'key_3', usedAt: instant(9) },
      { keyId: 'key_4', usedAt: instant(5) },
      { keyId: 'key_0', usedAt: instant(-5) },
    ])
    const sorted = ['key_3', 'key_4', 'key_1', 'key_0', 'key_5', 'key_2']
    const after = ({ id, lastUsedAt }: KeyRecord) => {
      const order: KeyOrder = { by: 'lastUsed', after: { id, lastUsedAt } }
      return { beforeId: undefined, order }
    }
    expectEqual(await listIds(store, { order: { by: 'lastUsed' } }), sorted, 'everything')
    expectEqual(await pagesOf(store, { order: { by: 'lastUsed' } }, after), sorted, 'all pages')
    expectEqual(await pagesOf(store, { owner: 'acme', order: { by: 'lastUsed' } }, after), sorted, 'one owner’s pages')
    expectEqual(await pagesOf(store, { owner: 'other', order: { by: 'lastUsed' } }, after), [], 'another owner’s')
    const record = await store.findById('key_2')
    await commitOne(store, putting({ ...(record as KeyRecord), name: 'renamed' }, 1))
    await store.recordUses([{ keyId: 'key_2', usedAt: instant(10) }])
    expectEqual(await listIds(store, { limit: 2, order: { by: 'lastUsed' } }), ['key_2', 'key_3'], 'after another use')
  }),
]
