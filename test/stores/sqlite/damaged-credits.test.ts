import Libsql from 'libsql'
import { describe, expect, it, onTestFinished } from 'vitest'
import { StoreUnavailableError } from '../../../src/model/errors.ts'
import { sqlite } from '../../../src/stores/sqlite/sqlite.ts'
import { attemptAt, completing, expectClaimed, sampleClaim } from '../../../src/testing/claim-store/samples.ts'
import { instant } from '../../../src/testing/key-store/samples.ts'
import {
  expectBooks,
  expectReserved,
  meteredDebit,
  POOL,
  refunding,
  sampleDebit,
  sampleDeposit,
  settling,
  topUp,
} from '../../../src/testing/ledger/samples.ts'
import { temporaryFile } from './temporary-files.ts'

const OTHER = { owner: 'other', lineage: null }

/** A store with two accounts of 10 credits and a debit of 5 each, and a second connection to damage what is in it. */
async function setTheScene() {
  const file = temporaryFile()
  const store = sqlite(file, { noticeMs: 0 })
  await store.open()
  const database = new Libsql(file)
  database.exec('PRAGMA ignore_check_constraints = ON')
  onTestFinished(async () => {
    database.close()
    await store.close()
  })
  const { ledger, claims } = store
  const [damaged, sound] = [meteredDebit({ afterLease: 'refund' }), meteredDebit({ account: OTHER })]
  for (const debit of [damaged, sound]) {
    await topUp(ledger, 10, debit.account)
    await expectReserved(ledger, debit, 5)
  }
  return { ledger, claims, database, damaged, sound }
}

async function failureOf(call: Promise<unknown>): Promise<string> {
  const failure = await call.catch((error: unknown) => error)
  expect(failure).toBeInstanceOf(StoreUnavailableError)
  return (failure as Error).message
}

describe('a damaged row of credits in a SQLite store', () => {
  it.each([
    'balance = -1',
    'reserved = -1',
    'sequence = -1',
    `refill = '{'`,
    `refill = '[]'`,
    `refill = '{"amount":1,"mode":"all","every":"day"}'`,
    `refill = '{"amount":1,"mode":"add","every":"week"}'`,
    'refill_at = 9000000000000000',
  ])('of an account, with %s, fails what needs it, by name, and nothing else', async (damage) => {
    const { ledger, database, damaged, sound } = await setTheScene()
    database.exec(`UPDATE keyward_accounts SET ${damage} WHERE owner = 'acme'`)
    const calls = [
      ledger.findAccount(POOL),
      ledger.reserve(sampleDebit()),
      ledger.close(settling(damaged, 1)),
      ledger.deposit(sampleDeposit()),
    ]
    for (const message of await Promise.all(calls.map(failureOf))) expect(message).toContain('account of acme')
    expect(await ledger.close(settling(sound, 1))).toEqual({ outcome: 'closed', balance: 9, charged: 1, shortfall: 0 })
    await expectBooks(ledger, 9, 0, OTHER)
  })

  it.each([`state = 'odd'`, `after_lease = 'odd'`, 'taken = -1', 'taken = NULL'])(
    'of a debit, with %s, fails what needs it, and holds up no lease of another',
    async (damage) => {
      const { ledger, database, damaged } = await setTheScene()
      database.exec(`UPDATE keyward_movements SET ${damage} WHERE owner = 'acme' AND operation IS NOT NULL`)
      const calls = [ledger.reserve(damaged), ledger.close(settling(damaged, 1)), ledger.close(refunding(damaged))]
      for (const message of await Promise.all(calls.map(failureOf))) expect(message).toContain('movement 2 of acme')
      await expectBooks(ledger, 5, 5)
      expect(await ledger.closeLapsed(instant(61_000), 10)).toBe(1)
      await expectBooks(ledger, 5, 0, OTHER)
      if (!damage.startsWith('state')) await failureOf(ledger.closeLapsed(instant(61_000), 10))
    },
  )

  it('of a movement, of another kind, fails the page that it is on', async () => {
    const { ledger, database } = await setTheScene()
    database.exec(`UPDATE keyward_movements SET kind = 'gift' WHERE owner = 'acme' AND sequence = 1`)
    expect(await failureOf(ledger.listMovements(POOL, undefined, 10))).toContain('movement 1 of acme')
    expect(await ledger.listMovements(POOL, undefined, 1)).toHaveLength(1)
    expect(await ledger.listMovements(OTHER, undefined, 10)).toHaveLength(2)
  })

  it('is none that a negative balance was written to: the database refuses it, and takes the movement back', async () => {
    const { ledger, database, damaged } = await setTheScene()
    database.exec('PRAGMA ignore_check_constraints = OFF')
    expect(() => database.exec('UPDATE keyward_accounts SET balance = -1')).toThrow(/CHECK/)
    database.exec(`CREATE TRIGGER broken BEFORE INSERT ON keyward_movements BEGIN SELECT RAISE(ABORT, 'full'); END`)
    await failureOf(ledger.reserve(sampleDebit()))
    await failureOf(ledger.close(refunding(damaged)))
    await failureOf(ledger.deposit(sampleDeposit({ operation: 'invoice 1' })))
    await failureOf(ledger.closeLapsed(instant(61_000), 10))
    await expectBooks(ledger, 5, 5)
    database.exec('DROP TRIGGER broken')
    expect(await ledger.closeLapsed(instant(61_000), 10)).toBe(2)
    await expectBooks(ledger, 10)
  })
})

describe('a damaged idempotency record in a SQLite store', () => {
  it.each([`state = 'odd'`, 'attempt = 9007199254740993', 'lease_until = -9007199254740993'])(
    'with %s runs nothing again',
    async (damage) => {
      const { claims, database } = await setTheScene()
      const [damaged, sound] = [await expectClaimed(claims, sampleClaim()), await expectClaimed(claims, sampleClaim())]
      database.exec(`UPDATE keyward_claims SET ${damage} WHERE id = '${damaged.id}'`)
      for (const offsetMs of [0, 70_000])
        expect(await failureOf(claims.claim(attemptAt(damaged, offsetMs)))).not.toContain(damaged.token)
      await expectClaimed(claims, attemptAt(sound, 70_000), 2)
    },
  )

  it('is never half done: where its debit cannot be written, it is not completed', async () => {
    const { ledger, claims, database, damaged } = await setTheScene()
    const { operation: id, token } = damaged
    const claim = await expectClaimed(claims, sampleClaim({ id, token }))
    database.exec(`CREATE TRIGGER broken BEFORE INSERT ON keyward_movements BEGIN SELECT RAISE(ABORT, 'full'); END`)
    await failureOf(claims.complete(completing(claim), settling(damaged, 1)))
    await failureOf(claims.release(id, token, refunding(damaged)))
    await expectBooks(ledger, 5, 5)
    database.exec('DROP TRIGGER broken')
    expect(await claims.claim(attemptAt(claim, 1))).toEqual({ outcome: 'in_progress' })
    expect(await claims.complete(completing(claim), settling(damaged, 1))).toBe(true)
    await expectBooks(ledger, 9)
  })
})
