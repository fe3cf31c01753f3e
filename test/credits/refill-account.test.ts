import { type AccountState, createKeyward, type Ledger, memory } from 'keyward'
import { describe, expect, it } from 'vitest'
import { refillIfDue } from '../../src/credits/refill-account.ts'
import { createTestClock } from '../../src/testing/test-clock.ts'
import { createTestKeyward } from '../../src/testing/test-keyward.ts'
import { storeKinds } from '../store-kinds.ts'
import { debit, ledgerOf, openAccounts, sumOfMovements } from './account-desk.ts'

const MAX = Number.MAX_SAFE_INTEGER
const pool = { owner: 'acme' }
const account = { owner: 'acme', lineage: null }
const daily = { amount: 10, mode: 'add', every: 'day' } as const
const DAY_MS = 86_400_000

describe.each(storeKinds)('a refill on %s', (_name, create) => {
  it('comes with its first instant, not with its rule, and is a movement of its own', async () => {
    const { keyward, clock, store } = openAccounts(create)
    await keyward.credits.set(pool, { balance: 3, refill: daily })
    clock.advance(DAY_MS - 1)
    expect(await keyward.credits.get(pool)).toMatchObject({ balance: 3, version: 1 })
    clock.advance(1)
    const refilled = { balance: 13, version: 2, refill: daily, refillAt: new Date('2026-01-03T00:00:00Z') }
    expect(await keyward.credits.get(pool)).toMatchObject(refilled)
    expect(await keyward.credits.get(pool)).toMatchObject(refilled)
    expect((await keyward.credits.movements(pool)).items[0]).toEqual({
      ...{ sequence: 2, kind: 'refill', amount: 10, balance: 13, shortfall: 0, operation: null, keyId: null },
      ...{ requestId: null, actor: null, reason: null, at: new Date(clock.now()) },
    })
    expect(await store.listAudit('acme', 0, 10)).toHaveLength(1)
  })

  it('is made up for, once for each period that nobody looked at', async () => {
    const { keyward, clock } = openAccounts(create)
    await keyward.credits.set(pool, { balance: 3, refill: daily })
    await keyward.credits.set({ owner: 'to' }, { balance: 3, refill: { ...daily, mode: 'to' } })
    clock.advance(5 * DAY_MS)
    expect(await keyward.credits.get(pool)).toMatchObject({ balance: 53, version: 2 })
    expect(await keyward.credits.get({ owner: 'to' })).toMatchObject({ balance: 10, version: 2 })
  })

  it('raises a lower balance, and never lowers a higher one', async () => {
    const { keyward, clock } = openAccounts(create)
    await keyward.credits.set(pool, { balance: 30, refill: { ...daily, mode: 'to' } })
    clock.advance(DAY_MS)
    expect(await keyward.credits.get(pool)).toMatchObject({
      balance: 30,
      refillAt: new Date('2026-01-03T00:00:00Z'),
    })
  })

  it('never raises a balance above 2^53 - 1', async () => {
    const { keyward, clock, ledger } = openAccounts(create)
    await keyward.credits.set(pool, { balance: MAX - 5, refill: daily })
    clock.advance(1_000 * DAY_MS)
    expect(await keyward.credits.get(pool)).toMatchObject({ balance: MAX })
    expect(await sumOfMovements(ledger, account)).toBe(MAX)
  })

  it('never raises a balance above 2^53 - 1 that was topped up after it was read', async () => {
    const { keyward, clock, ledger } = openAccounts(create)
    await keyward.credits.set(pool, { balance: 1, refill: daily })
    const read = await ledger.findAccount(account)
    await keyward.credits.topUp(pool, { amount: MAX - 5 })
    clock.advance(DAY_MS)
    expect(read && (await refillIfDue(ledger, account, read, new Date(clock.now())))).toBe(true)
    expect(await ledger.findAccount(account)).toMatchObject({
      balance: MAX,
      refillAt: new Date('2026-01-03T00:00:00Z'),
    })
  })

  it('124: is made once by 4 instances that find it due at once', async () => {
    const { clock, store, keyward } = openAccounts(create)
    const instances = [keyward, ...Array.from({ length: 3 }, () => createKeyward({ store }))]
    await keyward.credits.set(pool, { balance: 0, refill: daily })
    for (let day = 1; day <= 20; day++) {
      clock.advance(DAY_MS)
      const reads = await Promise.all(
        instances.flatMap(({ credits }) => [credits.get(pool), credits.get(pool), credits.topUp(pool, { amount: 1 })]),
      )
      expect(Math.max(...reads.map(({ balance }) => balance))).toBe(day * (10 + 4))
    }
    const movements = await ledgerOf(store).listMovements(account, undefined, 1_000)
    expect(movements.filter(({ kind }) => kind === 'refill').map(({ amount }) => amount)).toEqual(Array(20).fill(10))
  })

  it('124: does not come again when the clock is set back across it', async () => {
    const { keyward, clock } = openAccounts(create)
    await keyward.credits.set(pool, { balance: 0, refill: daily })
    clock.set(Date.UTC(2026, 0, 2, 0, 0, 1))
    expect(await keyward.credits.get(pool)).toMatchObject({ balance: 10 })
    clock.set(Date.UTC(2026, 0, 1, 23, 59, 59))
    expect(await keyward.credits.get(pool)).toMatchObject({ balance: 10 })
    expect(await keyward.credits.topUp(pool, { amount: 1 })).toMatchObject({ balance: 11 })
    // Nor by setting the rule anew: its rhythm stays.
    await keyward.credits.set(pool, { refill: { ...daily, amount: 20 } })
    for (const hour of [0, 12, 23]) {
      clock.set(Date.UTC(2026, 0, 2, hour))
      expect(await keyward.credits.get(pool)).toMatchObject({ balance: 11 })
    }
    clock.set(Date.UTC(2026, 0, 3))
    expect(await keyward.credits.get(pool)).toMatchObject({ balance: 31 })
  })

  it('comes before whatever moves credits after its instant', async () => {
    const { keyward, clock } = openAccounts(create)
    await keyward.credits.set(pool, { balance: 0, refill: { ...daily, mode: 'to' } })
    clock.advance(DAY_MS)
    expect(await keyward.credits.topUp(pool, { amount: 5 })).toMatchObject({ balance: 15 })
    clock.advance(DAY_MS)
    expect(await keyward.credits.set(pool, { balance: 1 })).toMatchObject({ balance: 1 })
    expect(await keyward.credits.get(pool)).toMatchObject({ balance: 1 })
  })

  it('comes before a debit, which is told of it', async () => {
    const { keyward, clock, ledger } = openAccounts(create)
    await keyward.credits.set(pool, { balance: 0, refill: daily })
    clock.advance(DAY_MS)
    const now = new Date(clock.now())
    const found = await ledger.reserve(debit(account, 10, now))
    if (found.outcome !== 'refill_due') throw new Error(`The debit was ${found.outcome}.`)
    await refillIfDue(ledger, account, found.state, now)
    expect(await ledger.reserve(debit(account, 10, now))).toEqual({ outcome: 'reserved', balance: 0 })
    expect(await ledger.reserve(debit(account, 1, now))).toEqual({ outcome: 'insufficient', balance: 0 })
  })

  it('changes the version, so that nothing is set over it unseen', async () => {
    const { keyward, clock } = openAccounts(create)
    const { version } = await keyward.credits.set(pool, { balance: 1, refill: daily })
    clock.advance(DAY_MS)
    await expect(keyward.credits.set(pool, { balance: 5 }, { ifVersion: version })).rejects.toMatchObject({
      code: 'precondition_failed',
    })
    expect(await keyward.credits.get(pool)).toMatchObject({ balance: 11 })
  })

  it('ends when it is set to none, and begins anew with another rhythm', async () => {
    const { keyward, clock } = openAccounts(create)
    await keyward.credits.set(pool, { balance: 1, refill: daily })
    const monthly = { ...daily, every: 'month' } as const
    expect(await keyward.credits.set(pool, { refill: monthly })).toMatchObject({
      balance: 1,
      refillAt: new Date('2026-02-01T00:00:00Z'),
    })
    expect(await keyward.credits.set(pool, { refill: null })).toMatchObject({ refill: null, refillAt: null })
    clock.advance(100 * DAY_MS)
    expect(await keyward.credits.get(pool)).toMatchObject({ balance: 1, version: 3 })
  })

  it('of a number of seconds keeps its rhythm, however late it is found', async () => {
    const { keyward, clock } = openAccounts(create)
    await keyward.credits.set(pool, { refill: { amount: 1, mode: 'add', every: 60 } })
    clock.advance(150_000)
    expect(await keyward.credits.get(pool)).toMatchObject({ balance: 2, refillAt: new Date('2026-01-01T00:03:00Z') })
    clock.advance(30_000)
    expect(await keyward.credits.get(pool)).toMatchObject({ balance: 3, refillAt: new Date('2026-01-01T00:04:00Z') })
  })
})

describe('a rule that is set', () => {
  it('does not bring back a refill that another instance, whose clock is ahead, makes meanwhile', async () => {
    const clock = createTestClock()
    const store = memory({ losesDataOnExit: true, clock })
    const behind = ledgerOf(store)
    let overtake = async (_read: AccountState | undefined) => {}
    const ledger: Pick<Ledger, 'findAccount' | 'deposit'> = {
      deposit: (deposit) => behind.deposit(deposit),
      async findAccount(asked) {
        const read = await behind.findAccount(asked)
        await overtake(read)
        return read
      },
    }
    const { keyward } = createTestKeyward({ store: { ...store, ledger: ledger as Ledger } }, clock)
    await keyward.credits.set(pool, { balance: 0, refill: daily })
    overtake = async (read) => {
      overtake = async () => {}
      if (read !== undefined) await refillIfDue(behind, account, read, new Date(clock.now() + DAY_MS))
    }
    const refill = { ...daily, amount: 20 }
    const set = await keyward.credits.set(pool, { refill })
    expect(set).toMatchObject({ balance: 10, refill, refillAt: new Date('2026-01-03T00:00:00Z') })
    clock.advance(DAY_MS)
    expect(await keyward.credits.get(pool)).toMatchObject({ balance: 10 })
    clock.advance(DAY_MS)
    expect(await keyward.credits.get(pool)).toMatchObject({ balance: 30 })
  })
})
