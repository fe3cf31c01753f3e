import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { InvalidInputError, StoreUnavailableError } from '../../../src/model/errors.ts'
import type { KeyStore } from '../../../src/model/key-store.ts'
import type { PgPool, PgPoolClient } from '../../../src/stores/postgres/postgres.ts'
import { postgres } from '../../../src/stores/postgres/postgres.ts'
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
import { createDatabase, startPostgres } from '../../servers/postgres.ts'
import type { Server } from '../../servers/server.ts'
import { until } from '../../servers/until.ts'
import { mixLoad } from '../sql/mixed-load.ts'

let server: Server

beforeAll(async () => {
  server = await startPostgres()
})
afterAll(() => server?.stop())

interface Scene {
  readonly store: KeyStore
  /** Another client, for what happens beside the store. */
  readonly admin: pg.Client
  /** What the store has sent, and the codes of errors that came back. */
  readonly sent: string[]
  readonly errors: string[]
}

/** An open store in a database of its own, over a pool that writes down what passes. */
async function setTheScene(pooling: pg.PoolConfig = {}): Promise<Scene> {
  const url = await createDatabase(server)
  const pool = new pg.Pool({ connectionString: url, max: 4, ...pooling })
  pool.on('error', () => {})
  const admin = new pg.Client({ connectionString: url })
  await admin.connect()
  onTestFinished(async () => {
    await admin.end()
    await pool.end()
  })
  const [sent, errors]: [string[], string[]] = [[], []]
  const store = postgres(loggingPool(pool, sent, errors), { deadlineMs: 5_000 })
  await store.open()
  sent.length = 0
  return { store, admin, sent, errors }
}

function loggingPool(pool: pg.Pool, sent: string[], errors: string[]): PgPool {
  return {
    totalCount: 0,
    query: (text, values) => pool.query(text, values),
    connect: (callback) =>
      pool.connect((error, client) => callback(error, client && loggingClient(client, sent, errors))),
  }
}

function loggingClient(client: pg.PoolClient, sent: string[], errors: string[]): PgPoolClient {
  return {
    async query(text, values) {
      sent.push(text.trim())
      try {
        return await client.query(text, values)
      } catch (error) {
        errors.push(String((error as { code?: unknown }).code))
        throw error
      }
    },
    release: (destroy) => client.release(destroy),
    on: (event, listener) => client.on(event, listener),
    removeListener: (event, listener) => client.removeListener(event, listener),
  }
}

/** What a call sent, by the first words of its statements. */
async function statementsOf({ sent }: Scene, call: () => Promise<unknown>): Promise<readonly string[]> {
  sent.length = 0
  await call()
  return sent.map((text) => text.split(/\s/, 1)[0]!.toLowerCase())
}

describe('what a request costs on Postgres', () => {
  it('is one statement for a debit, with or without a lease, and for a claim', async () => {
    const scene = await setTheScene()
    const [ledger, claims] = [ledgerOf(scene.store), claimsOf(scene.store)]
    await credits.topUp(ledger, 10)
    for (const debit of [credits.sampleDebit(), credits.meteredDebit()])
      expect(await statementsOf(scene, () => ledger.reserve(debit))).toEqual(['with'])
    const claim = sampleClaim()
    expect(await statementsOf(scene, () => expectClaimed(claims, claim))).toEqual(['insert'])
    const again = () => expectClaimed(claims, attemptAt(claim, 60_000), 2)
    expect(await statementsOf(scene, again)).toEqual(['insert'])
    await credits.expectBooks(ledger, 0, 5)
  })

  it('is one statement for the end of a claim or a renewal, and two for an answer that is there', async () => {
    const scene = await setTheScene()
    const claims = claimsOf(scene.store)
    const [done, released] = [sampleClaim(), sampleClaim()]
    for (const claim of [done, released]) await expectClaimed(claims, claim)
    const { id, token } = released
    const renew = () => claims.renew(id, token, instant(70_000), instant(90_000))
    expect(await statementsOf(scene, renew)).toEqual(['update'])
    expect(await statementsOf(scene, () => claims.complete(completing(done)))).toEqual(['update'])
    expect(await statementsOf(scene, () => claims.release(id, token))).toEqual(['delete'])
    const ask = () => expectAnswer(claims, attemptAt(done, 10), Uint8Array.of(1, 2, 3))
    expect(await statementsOf(scene, ask)).toEqual(['insert', 'select'])
  })
})

describe('credits on Postgres', () => {
  it('are right, and nobody waits in a circle, whatever is done at once', async () => {
    const { store, errors } = await setTheScene()
    await mixLoad([store])
    expect(errors.filter((code) => code === '40P01')).toEqual([])
  })

  it.each(['repeatable read', 'serializable'])(
    '215: are granted exactly where connections begin as %s',
    async (level) => {
      const options = `-c default_transaction_isolation=${level.replace(' ', '\\ ')}`
      const { store } = await setTheScene({ options })
      const ledger = ledgerOf(store)
      await credits.topUp(ledger, 10)
      const debits = Array.from({ length: 20 }, () => ledger.reserve(credits.sampleDebit({ amount: 1 })))
      const outcomes = (await Promise.all(debits)).map(({ outcome }) => outcome)
      expect(outcomes.filter((outcome) => outcome === 'reserved')).toHaveLength(10)
      await credits.expectBooks(ledger, 0)
    },
  )

  it('and their claim end together or not at all when the connection is lost in between', async () => {
    const { store, admin } = await setTheScene()
    const [ledger, claims] = [ledgerOf(store), claimsOf(store)]
    await credits.topUp(ledger, 10)
    const claim = await expectClaimed(claims, sampleClaim())
    const debit = credits.meteredDebit({ operation: claim.id, token: claim.token })
    await credits.expectReserved(ledger, debit, 5)
    await admin.query('BEGIN')
    await admin.query('SELECT 1 FROM keyward_claims FOR UPDATE')
    const ending = claims.complete(completing(claim), credits.settling(debit, 1)).catch((error: unknown) => error)
    await until('the store waits', async () => {
      const waiting = await admin.query(`SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'`)
      return waiting.rowCount === 1
    })
    await admin.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event_type = 'Lock'`)
    await admin.query('COMMIT')
    expect(await ending).toBeInstanceOf(StoreUnavailableError)
    await credits.expectBooks(ledger, 5, 5)
    expect(await claims.complete(completing(claim), credits.settling(debit, 1))).toBe(true)
    await credits.expectBooks(ledger, 9)
  })

  it('of an account that somebody else has locked lapse last: the others are not held up', async () => {
    const { store, admin } = await setTheScene()
    const ledger = ledgerOf(store)
    const accounts = ['a', 'b'].map((owner) => ({ owner, lineage: null }))
    for (const account of accounts) {
      await credits.topUp(ledger, 5, account)
      await credits.expectReserved(ledger, credits.meteredDebit({ account, afterLease: 'refund' }), 0)
    }
    await admin.query('BEGIN')
    await admin.query(`SELECT 1 FROM keyward_accounts WHERE owner = 'a' FOR UPDATE`)
    expect(await ledger.closeLapsed(instant(1e9), 10)).toBe(1)
    const waiting = ledger.closeLapsed(instant(1e9), 10)
    await until('the store waits', async () => {
      const { rowCount } = await admin.query(`SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'`)
      return rowCount === 1
    })
    await admin.query('COMMIT')
    expect(await waiting).toBe(1)
    for (const account of accounts) await credits.expectBooks(ledger, 5, 0, account)
  })

  it.each([
    [
      'a balance below nothing',
      'ALTER TABLE keyward_accounts DROP CONSTRAINT keyward_accounts_balance_check; UPDATE keyward_accounts SET balance = -1',
    ],
    ['a refill that is none', `UPDATE keyward_accounts SET refill = '{"secret":1}'`],
  ])('with %s are damaged, by the name of their owner, and nothing is taken', async (_, damage) => {
    const { store, admin } = await setTheScene()
    const ledger = ledgerOf(store)
    await credits.topUp(ledger, 5)
    await admin.query(damage)
    const calls = [
      () => ledger.findAccount(credits.POOL),
      () => ledger.reserve(credits.sampleDebit({ amount: 10 })),
      () => ledger.deposit(credits.sampleDeposit()),
    ]
    for (const call of calls) {
      const failure = await call().catch((error: unknown) => error)
      expect(failure).toBeInstanceOf(StoreUnavailableError)
      expect(String(failure)).toContain('account of acme')
      expect(String(failure)).not.toContain('secret')
    }
    expect((await admin.query('SELECT count(*)::int AS movements FROM keyward_movements')).rows[0].movements).toBe(1)
  })

  it('take no text that could not be kept, or not be looked up by', async () => {
    const { store } = await setTheScene()
    const ledger = ledgerOf(store)
    await credits.topUp(ledger, 5)
    for (const operation of ['a\0b', 'x'.repeat(1_025)]) {
      await expect(ledger.reserve(credits.sampleDebit({ operation }))).rejects.toThrow(InvalidInputError)
      await expect(ledger.deposit(credits.sampleDeposit({ operation }))).rejects.toThrow(InvalidInputError)
    }
    await credits.expectBooks(ledger, 5)
  })
})

describe('idempotency records on Postgres', () => {
  it.each([
    ['a state that is none', `state = 'secret'`],
    ['no number for its lease', 'lease_until = 9000000000000000000'],
  ])('with %s are damaged, by name: no handler runs for them', async (_, damage) => {
    const { store, admin } = await setTheScene()
    const claims = claimsOf(store)
    const claim = await expectClaimed(claims, sampleClaim())
    await admin.query(`UPDATE keyward_claims SET ${damage}`)
    const failure = await claims.claim(attemptAt(claim, 10)).catch((error: unknown) => error)
    expect(failure).toBeInstanceOf(StoreUnavailableError)
    expect(String(failure)).toContain(claim.id)
    expect(String(failure)).not.toContain('secret')
  })

  it('are read from a client that is told to leave bytes as the server writes them', async () => {
    const types = { getTypeParser: () => (text: string | Buffer) => String(text) }
    const { store } = await setTheScene({ types })
    const claims = claimsOf(store)
    const answer = Uint8Array.from({ length: 256 }, (_, index) => index)
    const claim = await expectClaimed(claims, sampleClaim())
    await claims.complete(completing(claim, { answer }))
    await expectAnswer(claims, attemptAt(claim, 10), answer)
  })

  it('are removed by several at once, each once', async () => {
    const { store } = await setTheScene()
    const claims = claimsOf(store)
    for (let count = 0; count < 20; count += 1) await expectClaimed(claims, sampleClaim({ expiresAt: instant(60_000) }))
    const removed = await Promise.all(Array.from({ length: 4 }, () => claims.removeExpired(instant(60_000), 10)))
    expect(removed.reduce((sum, count) => sum + count, 0)).toBe(20)
  })
})
