import { ForbiddenError, InvalidInputError, NotFoundError, StoreConflictError } from 'keyward'
import { describe, expect, it } from 'vitest'
import { chainOf, firstBrokenLink } from '../audit-chain.ts'
import { storeKinds } from '../store-kinds.ts'
import { debit, openAccounts, sumOfMovements } from './account-desk.ts'

const MAX = Number.MAX_SAFE_INTEGER
const pool = { owner: 'acme' }
const account = { owner: 'acme', lineage: null }
const nothing = { balance: 0, reserved: 0, version: 0, refill: null, refillAt: null }
const admin = { id: 'usr_1', owner: null, scopes: ['*'] }

describe.each(storeKinds)('credits on %s', (_name, create) => {
  it('are none where nothing was ever moved', async () => {
    const { keyward, ledger } = openAccounts(create)
    expect(await keyward.credits.get(pool)).toEqual(nothing)
    expect(await keyward.credits.movements(pool)).toEqual({ items: [], nextCursor: null })
    expect(await ledger.findAccount(account)).toBeUndefined()
  })

  it('are topped up and set, with a movement, an audit entry and an event each', async () => {
    const { keyward, store, events, clock } = openAccounts(create)
    const context = { actor: admin, address: '192.0.2.1', requestId: 'req_1' }
    const input = { amount: 100, operationId: 'invoice-7', reason: 'Invoice 7' }
    expect(await keyward.credits.topUp(pool, input, context)).toEqual({ ...nothing, balance: 100, version: 1 })
    const refill = { amount: 50, mode: 'to', every: 'month' } as const
    const set = { ...nothing, balance: 30, version: 2, refill, refillAt: new Date('2026-02-01T00:00:00Z') }
    expect(await keyward.credits.set(pool, { balance: 30, refill, reason: 'Goodwill' }, context)).toEqual(set)
    expect(await keyward.credits.get(pool)).toEqual(set)

    const { items } = await keyward.credits.movements(pool)
    const at = new Date(clock.now())
    const written = { shortfall: 0, keyId: null, requestId: 'req_1', actor: 'usr_1', at }
    expect(items).toEqual([
      { ...written, sequence: 2, kind: 'set', amount: -70, balance: 30, operation: null, reason: 'Goodwill' },
      {
        ...written,
        sequence: 1,
        kind: 'top_up',
        amount: 100,
        balance: 100,
        operation: 'invoice-7',
        reason: 'Invoice 7',
      },
    ])
    const chain = await chainOf(store, 'acme')
    expect(firstBrokenLink(chain)).toBeUndefined()
    const who = { owner: 'acme', keyId: null, actor: 'usr_1', address: '192.0.2.1', requestId: 'req_1', at }
    expect(chain).toMatchObject([
      { ...who, action: 'credits.topped_up', details: { amount: 100, operationId: 'invoice-7', reason: 'Invoice 7' } },
      {
        ...who,
        action: 'credits.set',
        details: { before: { refill: null }, after: { balance: 30, refill }, reason: 'Goodwill' },
      },
    ])
    const told = { type: 'changed', keyId: null, owner: 'acme', actor: 'usr_1', fenced: true }
    expect(events.filter(({ type }) => type === 'changed')).toEqual([
      { ...told, action: 'credits.topped_up', version: 1 },
      { ...told, action: 'credits.set', version: 2 },
    ])
  })

  it('are topped up once for each operation, with one audit entry, however often it is repeated', async () => {
    const { keyward, store, events } = openAccounts(create)
    const input = { amount: 5, operationId: 'once' }
    const answers = await Promise.all(Array.from({ length: 20 }, () => keyward.credits.topUp(pool, input)))
    expect(new Set(answers.map(({ balance }) => balance))).toEqual(new Set([5]))
    await keyward.credits.topUp(pool, { amount: 1 })
    await keyward.credits.topUp(pool, { amount: 1 })
    expect(await keyward.credits.topUp(pool, input)).toMatchObject({ balance: 7, version: 3 })
    expect((await chainOf(store, 'acme')).map(({ action }) => action)).toEqual(Array(3).fill('credits.topped_up'))
    expect(events.filter(({ type }) => type === 'changed')).toHaveLength(3)
  })

  it('are not moved by an operation whose id was used for another amount', async () => {
    const { keyward, store } = openAccounts(create)
    await keyward.credits.topUp(pool, { amount: 5, operationId: 'once' })
    await expect(keyward.credits.topUp(pool, { amount: 6, operationId: 'once' })).rejects.toMatchObject({
      name: 'StoreConflictError',
      code: 'conflict',
    })
    expect(await keyward.credits.get(pool)).toMatchObject({ balance: 5, version: 1 })
    expect(await chainOf(store, 'acme')).toHaveLength(1)
    expect(await keyward.credits.topUp({ owner: 'other' }, { amount: 6, operationId: 'once' })).toMatchObject({
      balance: 6,
    })
  })

  it('118: are exact when they are topped up while they are spent', async () => {
    const { keyward, ledger, clock } = openAccounts(create)
    await keyward.credits.topUp(pool, { amount: 100 })
    const spend = () => ledger.reserve(debit(account, 1, new Date(clock.now())))
    const spends = Array.from({ length: 500 }, (_, index) => (index % 50 === 0 ? [topUp(), spend()] : [spend()])).flat()
    function topUp() {
      return keyward.credits.topUp(pool, { amount: 10 }).then(() => undefined)
    }
    const outcomes = (await Promise.all(spends)).flatMap((found) => (found === undefined ? [] : [found.outcome]))
    const reserved = outcomes.filter((outcome) => outcome === 'reserved').length
    expect(outcomes).toHaveLength(500)
    expect((await keyward.credits.get(pool)).balance).toBe(200 - reserved)
    expect(await sumOfMovements(ledger, account)).toBe(200 - reserved)
  })

  it('119: are never above 2^53 - 1, and never rounded', async () => {
    const { keyward } = openAccounts(create)
    expect(await keyward.credits.topUp(pool, { amount: MAX - 1 })).toMatchObject({ balance: MAX - 1 })
    await expect(keyward.credits.topUp(pool, { amount: 2 })).rejects.toMatchObject({
      name: 'InvalidInputError',
      issues: [{ path: ['amount'] }],
    })
    expect(await keyward.credits.topUp(pool, { amount: 1 })).toMatchObject({ balance: MAX, version: 2 })
    expect(await keyward.credits.set(pool, { balance: 0 })).toMatchObject({ balance: 0, version: 3 })
    expect((await keyward.credits.movements(pool)).items.map(({ amount }) => amount)).toEqual([-MAX, 1, MAX - 1])
  })

  it('120: are set under the version that is named, and otherwise stay', async () => {
    const { keyward, store } = openAccounts(create)
    const set = (balance: number, ifVersion: number) => keyward.credits.set(pool, { balance }, { ifVersion })
    await expect(set(5, 1)).rejects.toMatchObject({ code: 'precondition_failed' })
    expect(await keyward.credits.get(pool)).toEqual(nothing)
    expect(await set(5, 0)).toMatchObject({ balance: 5, version: 1 })
    const rivals = await Promise.allSettled([set(6, 1), set(7, 1), set(8, 1)])
    expect(rivals.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected', 'rejected'])
    const lost = rivals.flatMap((rival) => (rival.status === 'rejected' ? [rival.reason] : []))
    expect(lost.every((error) => error instanceof StoreConflictError && error.code === 'precondition_failed')).toBe(
      true,
    )
    expect((await keyward.credits.get(pool)).version).toBe(2)
    const chain = await chainOf(store, 'acme')
    expect(chain).toHaveLength(2)
    expect(chain[1]?.details).toMatchObject({ before: { balance: 5 } })
    await expect(keyward.credits.topUp(pool, { amount: 1 }, { ifVersion: 1 })).rejects.toMatchObject({
      code: 'precondition_failed',
    })
  })

  it('are left alone, without a movement and an entry, when they are set to what they are', async () => {
    const { keyward, store } = openAccounts(create)
    const refill = { amount: 5, mode: 'add', every: 60 } as const
    await keyward.credits.set(pool, { balance: 5, refill })
    expect(await keyward.credits.set(pool, { balance: 5, refill: { ...refill } })).toMatchObject({ version: 1 })
    expect(await keyward.credits.set(pool, { balance: 5 }, { ifVersion: 1 })).toMatchObject({ version: 1 })
    await expect(keyward.credits.set(pool, { balance: 5 }, { ifVersion: 0 })).rejects.toThrow(StoreConflictError)
    expect(await keyward.credits.set({ owner: 'new' }, { balance: 0, refill: null })).toEqual(nothing)
    expect(await chainOf(store, 'acme')).toHaveLength(1)
    expect(await chainOf(store, 'new')).toHaveLength(0)
  })

  it('are listed by pages, newest first', async () => {
    const { keyward } = openAccounts(create)
    for (let amount = 1; amount <= 7; amount++) await keyward.credits.topUp(pool, { amount })
    await keyward.credits.topUp({ owner: 'other' }, { amount: 99 })
    const amounts: number[] = []
    let cursor: string | null | undefined
    for (let pages = 0; cursor !== null; pages++) {
      expect(pages).toBeLessThan(3)
      const page = await keyward.credits.movements(pool, { limit: 3, ...(cursor !== undefined && { cursor }) })
      amounts.push(...page.items.map(({ amount }) => amount))
      cursor = page.nextCursor
    }
    expect(amounts).toEqual([7, 6, 5, 4, 3, 2, 1])
    for (const bad of ['x', '', btoa('0'), btoa('-1'), btoa('1e3'), btoa('key_1'), btoa('1 or 1=1')])
      await expect(keyward.credits.movements(pool, { cursor: bad }), bad).rejects.toThrow(InvalidInputError)
  })

  it.each([
    ['topUp', { amount: 0 }, 'amount'],
    ['topUp', { amount: -1 }, 'amount'],
    ['topUp', { amount: 1.5 }, 'amount'],
    ['topUp', { amount: 2 ** 53 }, 'amount'],
    ['topUp', { amount: Number.NaN }, 'amount'],
    ['topUp', { amount: Number.POSITIVE_INFINITY }, 'amount'],
    ['topUp', { amount: '5' }, 'amount'],
    ['topUp', { amount: 5n }, 'amount'],
    ['topUp', {}, 'amount'],
    ['topUp', { amount: 5, operationId: '' }, 'operationId'],
    ['topUp', { amount: 5, operationId: 'x'.repeat(129) }, 'operationId'],
    ['topUp', { amount: 5, operationId: 'süß' }, 'operationId'],
    ['topUp', { amount: 5, operationId: 'a\nb' }, 'operationId'],
    ['topUp', { amount: 5, reason: 'a\r\nb' }, 'reason'],
    ['topUp', { amount: 5, reason: 'x'.repeat(257) }, 'reason'],
    ['topUp', { amount: 5, owner: 'other' }, ''],
    ['set', { balance: -1 }, 'balance'],
    ['set', { balance: 0.5 }, 'balance'],
    ['set', { balance: 2 ** 53 }, 'balance'],
    ['set', { balance: null }, 'balance'],
    ['set', {}, ''],
    ['set', { reason: 'nothing' }, ''],
    ['set', { refill: { amount: 0, mode: 'add', every: 'day' } }, 'refill.amount'],
    ['set', { refill: { amount: 1, mode: 'fill', every: 'day' } }, 'refill.mode'],
    ['set', { refill: { amount: 1, mode: 'add', every: 'week' } }, 'refill.every'],
    ['set', { refill: { amount: 1, mode: 'add', every: 59 } }, 'refill.every'],
    ['set', { refill: { amount: 1, mode: 'add', every: 31_536_001 } }, 'refill.every'],
    ['set', { refill: { amount: 1, mode: 'add', every: 60.5 } }, 'refill.every'],
  ] as const)('are not moved by what breaks a rule: %s %o', async (method, input, path) => {
    const { keyward, ledger, store } = openAccounts(create)
    await keyward.ready()
    const call = keyward.credits[method](pool, input as never)
    await expect(call).rejects.toThrow(InvalidInputError)
    const issues = await call.catch((error: InvalidInputError) => error.issues)
    expect(issues).toEqual([{ path: path === '' ? [] : path.split('.'), message: expect.any(String) }])
    expect(await ledger.findAccount(account)).toBeUndefined()
    expect(await ledger.listMovements(account, undefined, 1)).toEqual([])
    expect(await chainOf(store, 'acme')).toEqual([])
  })

  it('are read by actors of their owner, and moved only by those of every owner', async () => {
    const { keyward, createKey, ledger } = openAccounts(create)
    const { id } = await createKey({ owner: 'acme' })
    const { id: foreignId } = await createKey({ owner: 'other' })
    await keyward.credits.topUp(pool, { amount: 5 })
    const own = { actor: { id: 'usr_2', owner: 'acme', scopes: ['*'] } }
    for (const target of [pool, { keyId: id }]) {
      expect(await keyward.credits.get(target, own)).toMatchObject({ balance: 5 })
      expect((await keyward.credits.movements(target, {}, own)).items).toHaveLength(1)
    }
    for (const target of [{ owner: 'other' }, { owner: 'nobody' }, { keyId: foreignId }, { keyId: 'key_none' }]) {
      await expect(keyward.credits.get(target, own)).rejects.toThrow(NotFoundError)
      await expect(keyward.credits.movements(target, {}, own)).rejects.toThrow(NotFoundError)
    }
    for (const target of [pool, { owner: 'other' }, { keyId: id }, { keyId: foreignId }, { keyId: 'key_none' }]) {
      await expect(keyward.credits.topUp(target, { amount: 1 }, own)).rejects.toThrow(ForbiddenError)
      await expect(keyward.credits.set(target, { balance: 1 }, own)).rejects.toThrow(ForbiddenError)
    }
    expect(await ledger.findAccount(account)).toMatchObject({ balance: 5, sequence: 1 })
    expect(await ledger.findAccount({ owner: 'other', lineage: null })).toBeUndefined()
    expect(await keyward.credits.topUp(pool, { amount: 1 }, { actor: admin })).toMatchObject({ balance: 6 })
  })

  it('are one pool for all keys of an owner, and the key is a way to it', async () => {
    const { keyward, createKey, store } = openAccounts(create)
    const keys = await Promise.all([createKey({ owner: 'acme' }), createKey({ owner: 'acme' })])
    await keyward.credits.topUp({ keyId: keys[0].id }, { amount: 5 })
    expect(await keyward.credits.get({ keyId: keys[1].id })).toMatchObject({ balance: 5 })
    expect(await keyward.credits.get(pool)).toMatchObject({ balance: 5 })
    expect((await chainOf(store, 'acme')).at(-1)).toMatchObject({ action: 'credits.topped_up', keyId: null })
  })

  it('are of one lineage, where keys have credits of their own: rotation moves none', async () => {
    const { keyward, createKey, store } = openAccounts(create, { account: 'key' })
    const { id } = await createKey({ owner: 'acme' })
    const { id: otherId } = await createKey({ owner: 'acme' })
    await keyward.credits.topUp({ keyId: id }, { amount: 5 })
    expect((await chainOf(store, 'acme')).at(-1)).toMatchObject({ action: 'credits.topped_up', keyId: id })
    const next = await keyward.keys.rotate(id)
    expect(await keyward.credits.get({ keyId: next.id })).toMatchObject({ balance: 5 })
    expect(await keyward.credits.get({ keyId: otherId })).toEqual(nothing)
    for (const call of [
      keyward.credits.get(pool),
      keyward.credits.topUp(pool, { amount: 1 }),
      keyward.credits.set(pool, { balance: 1 }),
      keyward.credits.movements(pool),
    ])
      await expect(call).rejects.toThrow(NotFoundError)
  })

  it.each([{}, { owner: '' }, { owner: 'a\nb' }, { owner: 'acme', keyId: 'key_1' }, { keyId: 7 }, undefined, 'acme'])(
    'are nowhere for a target that is none: %o',
    async (target) => {
      const { keyward } = openAccounts(create)
      await expect(keyward.credits.get(target as never)).rejects.toThrow(InvalidInputError)
      await expect(keyward.credits.topUp(target as never, { amount: 1 })).rejects.toThrow(InvalidInputError)
    },
  )
})
