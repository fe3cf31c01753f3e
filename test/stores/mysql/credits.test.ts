import { createPool, type PoolOptions } from 'mysql2'
import { type Connection, createConnection, type RowDataPacket } from 'mysql2/promise'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { InvalidInputError, StoreUnavailableError } from '../../../src/model/errors.ts'
import type { KeyStore } from '../../../src/model/key-store.ts'
import { mysql } from '../../../src/stores/mysql/mysql.ts'
import { claimsOf } from '../../../src/testing/claim-store/claim-store-case.ts'
import {
  attemptAt,
  completing,
  expectAnswer,
  expectClaimed,
  sampleClaim,
} from '../../../src/testing/claim-store/samples.ts'
import { instant } from '../../../src/testing/key-store/samples.ts'
import { ledgerOf } from '../../../src/testing/ledger/ledger-case.ts'
import * as credits from '../../../src/testing/ledger/samples.ts'
import { createDatabase, startMariadb } from '../../servers/mariadb.ts'
import type { Server } from '../../servers/server.ts'
import { mixLoad } from '../sql/mixed-load.ts'

let server: Server

beforeAll(async () => {
  server = await startMariadb({ needsOwnServer: true })
})
afterAll(() => server?.stop())

interface Scene {
  readonly store: KeyStore
  /** Another client, for what happens beside the store. */
  readonly admin: Connection
}

/** An open store in a database of its own, over a pool of its own. */
async function setTheScene(options: PoolOptions = {}): Promise<Scene> {
  const url = await createDatabase(server)
  const admin = await createConnection(url)
  const pool = createPool({ uri: url, connectionLimit: 4, ...options })
  onTestFinished(async () => {
    await admin.end()
    await pool.promise().end()
  })
  const store = mysql(pool, { deadlineMs: 10_000 })
  await store.open()
  return { store, admin }
}

async function statusOf(admin: Connection, name: string): Promise<number> {
  const [rows] = await admin.query<RowDataPacket[]>(`SHOW GLOBAL STATUS LIKE '${name}'`)
  return Number(rows[0]?.['Value'])
}

describe('credits on MySQL', () => {
  it('are right, and nobody waits in a circle, whatever is done at once', async () => {
    const { store, admin } = await setTheScene()
    const before = await statusOf(admin, 'Innodb_deadlocks')
    await mixLoad([store])
    expect(await statusOf(admin, 'Innodb_deadlocks')).toBe(before)
  })

  it('of an account that somebody else has locked lapse last: the others are not held up', async () => {
    const { store, admin } = await setTheScene()
    const ledger = ledgerOf(store)
    const accounts = ['a', 'b'].map((owner) => ({ owner, lineage: null }))
    for (const account of accounts) {
      await credits.topUp(ledger, 5, account)
      await credits.expectReserved(ledger, credits.meteredDebit({ account, afterLease: 'refund' }), 0)
    }
    await admin.beginTransaction()
    await admin.query(`SELECT 1 FROM keyward_accounts WHERE owner = 'a' FOR UPDATE`)
    expect(await ledger.closeLapsed(instant(1e9), 10)).toBe(1)
    const waiting = ledger.closeLapsed(instant(1e9), 10)
    await admin.commit()
    expect(await waiting).toBe(1)
    for (const account of accounts) await credits.expectBooks(ledger, 5, 0, account)
  })

  it('are looked up by the longest names that an index holds, and by no longer ones', async () => {
    const { store } = await setTheScene()
    const ledger = ledgerOf(store)
    const account = { owner: 'ö'.repeat(512), lineage: 'l'.repeat(1_024) }
    await credits.topUp(ledger, 5, account)
    const operation = 'x'.repeat(1_023)
    for (const each of [`${operation}a`, `${operation}b`])
      expect((await ledger.reserve(credits.sampleDebit({ account, operation: each, amount: 1 }))).outcome).toBe(
        'reserved',
      )
    await credits.expectBooks(ledger, 3, 0, account)
    await expect(ledger.reserve(credits.sampleDebit({ operation: `${operation}ab` }))).rejects.toThrow(
      InvalidInputError,
    )
  })

  it('are never below nothing, whoever else writes', async () => {
    const { store, admin } = await setTheScene()
    await credits.topUp(ledgerOf(store), 5)
    await expect(admin.query('UPDATE keyward_accounts SET balance = -1')).rejects.toThrow(/CONSTRAINT/)
  })
})

describe('idempotency records on MySQL', () => {
  it.each(['NO_BACKSLASH_ESCAPES', 'ANSI', ''])('keep every byte under the sql_mode "%s"', async (mode) => {
    const { store, admin } = await setTheScene()
    await admin.query(`SET GLOBAL sql_mode = '${mode}'`)
    onTestFinished(async () => void (await admin.query('SET GLOBAL sql_mode = DEFAULT')))
    const claims = claimsOf(store)
    const answer = Uint8Array.from({ length: 70_000 }, (_, index) => (index * 31) & 0xff)
    const claim = await expectClaimed(claims, sampleClaim())
    expect(await claims.complete(completing(claim, { answer }))).toBe(true)
    await expectAnswer(claims, attemptAt(claim, 10), answer)
  })

  it('are claimed anew by one of many at once whose lease has ended, whatever its number', async () => {
    const { store } = await setTheScene()
    const claims = claimsOf(store)
    const claim = await expectClaimed(claims, sampleClaim())
    for (let attempt = 2; attempt <= 6; attempt += 1) {
      const attempts = Array.from({ length: 10 }, () => claims.claim(attemptAt(claim, 60_000 * (attempt - 1))))
      const through = (await Promise.all(attempts)).filter(({ outcome }) => outcome === 'claimed')
      expect(through).toEqual([{ outcome: 'claimed', attempt }])
    }
  })

  it('that are damaged fail by name: no handler runs for them', async () => {
    const { store, admin } = await setTheScene()
    const claims = claimsOf(store)
    const claim = await expectClaimed(claims, sampleClaim())
    await admin.query(`UPDATE keyward_claims SET state = 'secret'`)
    const failure = await claims.claim(attemptAt(claim, 10)).catch((error: unknown) => error)
    expect(failure).toBeInstanceOf(StoreUnavailableError)
    expect(String(failure)).toContain(claim.id)
    expect(String(failure)).not.toContain('secret')
  })
})
