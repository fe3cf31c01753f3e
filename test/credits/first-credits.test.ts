import { ForbiddenError, InvalidInputError, type KeyStore, memory, StoreUnavailableError } from 'keyward'
import { describe, expect, it } from 'vitest'
import { createTestKeyward } from '../../src/testing/test-keyward.ts'
import { chainOf } from '../audit-chain.ts'
import { storeKinds } from '../store-kinds.ts'
import { ledgerOf, openAccounts } from './account-desk.ts'

describe.each(storeKinds)('the first credits of a key on %s', (_name, create) => {
  it('are there with the key, and in its one audit entry', async () => {
    const { keyward, createKey, store } = openAccounts(create, { account: 'key' })
    const actor = { id: 'usr_1', owner: null, scopes: ['*'] }
    const key = await keyward.keys.create({ owner: 'acme', name: 'a', credits: 5 }, { actor, requestId: 'req_1' })
    expect(key).not.toHaveProperty('credits')
    expect(await keyward.credits.get({ keyId: key.id })).toMatchObject({ balance: 5, version: 1 })
    expect((await keyward.credits.movements({ keyId: key.id })).items).toMatchObject([
      { kind: 'set', amount: 5, operation: 'key.created', actor: 'usr_1', requestId: 'req_1' },
    ])
    const chain = await chainOf(store, 'acme')
    expect(chain.map(({ action, details }) => [action, details['credits']])).toEqual([['key.created', 5]])
    for (const none of [undefined, 0]) {
      const { id } = await createKey({ credits: none })
      expect(await keyward.credits.get({ keyId: id })).toMatchObject({ balance: 0, version: 0 })
    }
  })

  it('are refused where keys spend from a pool, and to actors of one owner: no key is issued', async () => {
    for (const account of ['owner', 'key'] as const) {
      const { keyward, ledger } = openAccounts(create, { account })
      const input = { owner: 'acme', name: 'a', credits: 5 }
      const own = { actor: { id: 'usr_2', owner: 'acme', scopes: ['*'] } }
      await expect(keyward.keys.create(input, own)).rejects.toThrow(ForbiddenError)
      if (account === 'owner') {
        const refused = keyward.keys.create(input)
        await expect(refused).rejects.toThrow(InvalidInputError)
        await expect(refused).rejects.toMatchObject({
          issues: [{ path: ['credits'], message: expect.stringContaining("credits.account: 'key'") }],
        })
      }
      expect((await keyward.keys.list()).items).toEqual([])
      expect(await ledger.findAccount({ owner: 'acme', lineage: null })).toBeUndefined()
    }
  })

  it('are those that every key begins with, unless it is given others', async () => {
    const { keyward, store } = openAccounts(create, { account: 'key', initial: 3 })
    const own = { actor: { id: 'usr_2', owner: 'acme', scopes: ['*'] } }
    const { id } = await keyward.keys.create({ owner: 'acme', name: 'a' }, own)
    expect(await keyward.credits.get({ keyId: id })).toMatchObject({ balance: 3, version: 1 })
    const next = await keyward.keys.rotate(id, {}, own)
    expect(await keyward.credits.get({ keyId: next.id })).toMatchObject({ balance: 3, version: 1 })
    for (const credits of [0, 5]) {
      const given = await keyward.keys.create({ owner: 'acme', name: 'b', credits })
      expect(await keyward.credits.get({ keyId: given.id })).toMatchObject({ balance: credits })
    }
    expect((await chainOf(store, 'acme')).map(({ action, details }) => [action, details['credits']])).toEqual([
      ['key.created', 3],
      ['key.rotated', undefined],
      ['key.created', undefined],
      ['key.created', 5],
    ])
  })

  it.each([-1, 1.5, 2 ** 53, '5', null])('are a whole number in range, and not %o', async (credits) => {
    const { keyward, createKey } = openAccounts(create, { account: 'key' })
    await expect(createKey({ credits: credits as never })).rejects.toMatchObject({ issues: [{ path: ['credits'] }] })
    expect((await keyward.keys.list()).items).toEqual([])
  })
})

describe('a key that fails to get its first credits', () => {
  it('is not issued', async () => {
    const store: KeyStore = memory({ losesDataOnExit: true })
    const failing = { ...ledgerOf(store), deposit: () => Promise.reject(new Error('disk full')) }
    const { keyward, createKey } = createTestKeyward({
      store: { ...store, ledger: failing },
      credits: { account: 'key' },
    })
    await expect(createKey({ credits: 5 })).rejects.toThrow(StoreUnavailableError)
    expect((await keyward.keys.list()).items).toEqual([])
  })
})
