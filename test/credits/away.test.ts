import { type KeywardEvent, memory, StoreUnavailableError } from 'keyward'
import { describe, expect, it } from 'vitest'
import { guardStore } from '../../src/fleet/guarded-store.ts'
import { createTestKeyward } from '../../src/testing/test-keyward.ts'
import { debit, ledgerOf } from './account-desk.ts'

const account = { owner: 'acme', lineage: null }
const at = new Date(0)
const DEADLINE_MS = 50
const deposit = {
  account,
  kind: 'top_up',
  change: { add: 1 },
  operation: null,
  expectedSequence: undefined,
  expectedRefillAt: undefined,
  refill: undefined,
  reason: null,
  actor: null,
  requestId: null,
  at,
  audit: null,
} as const
const closing = {
  account,
  operation: 'a',
  token: 'a',
  to: 'settled',
  amount: 0,
  overshoot: 'cap',
  requestId: 'req_1',
  at,
} as const
const request = {
  ...{ id: 'a', owner: 'acme', fingerprint: 'f', token: 't', requestId: 'req_1' },
  ...{ at, leaseUntil: at, expiresAt: at },
}

type Call = (store: ReturnType<typeof guardStore>) => Promise<unknown> | undefined

const CALLS: Readonly<Record<string, Call>> = {
  'ledger.findAccount': ({ ledger }) => ledger?.findAccount(account),
  'ledger.reserve': ({ ledger }) => ledger?.reserve(debit(account, 1, at)),
  'ledger.close': ({ ledger }) => ledger?.close(closing),
  'ledger.renew': ({ ledger }) => ledger?.renew(account, 'a', 'a', at),
  'ledger.closeLapsed': ({ ledger }) => ledger?.closeLapsed(at, 1),
  'ledger.deposit': ({ ledger }) => ledger?.deposit(deposit),
  'ledger.listMovements': ({ ledger }) => ledger?.listMovements(account, undefined, 1),
  'claims.claim': ({ claims }) => claims?.claim(request),
  'claims.renew': ({ claims }) => claims?.renew('a', 't', at, at),
  'claims.complete': ({ claims }) => claims?.complete({ ...request, answer: null }),
  'claims.release': ({ claims }) => claims?.release('a', 't'),
  'claims.countLive': ({ claims }) => claims?.countLive('acme', at, 1),
  'claims.removeExpired': ({ claims }) => claims?.removeExpired(at, 1),
}

/** A store in memory whose credits and claims answer as they are told to. */
function guarded(answer: () => Promise<never>) {
  const events: KeywardEvent[] = []
  const away = new Proxy({}, { get: () => answer })
  const store = { ...memory({ losesDataOnExit: true }), deadlineMs: DEADLINE_MS, ledger: away, claims: away }
  return { store: guardStore(store as never, (event) => events.push(event)), events }
}

describe('a store that is away for credits and claims', () => {
  it('has every call in the table', () => {
    const { ledger, claims } = guardStore(memory({ losesDataOnExit: true }), undefined)
    const names = [
      ...Object.keys(ledger ?? {}).map((name) => `ledger.${name}`),
      ...Object.keys(claims ?? {}).map((name) => `claims.${name}`),
    ]
    expect(names.sort()).toEqual(Object.keys(CALLS).sort())
  })

  it.each(Object.entries(CALLS))('is unavailable when it rejects, and is said so once: %s', async (_name, call) => {
    const cause = new Error('no route to host')
    const { store, events } = guarded(() => Promise.reject(cause))
    for (let times = 0; times < 3; times++)
      await expect(call(store)).rejects.toMatchObject({ name: 'StoreUnavailableError', cause })
    expect(events.map((event) => [event.type, 'part' in event && event.part])).toEqual([['degraded', 'store']])
  })

  it.each(Object.entries(CALLS))('is unavailable within its deadline when it hangs: %s', async (_name, call) => {
    const { store, events } = guarded(() => new Promise(() => {}))
    const begunAt = performance.now()
    await expect(call(store)).rejects.toThrow(StoreUnavailableError)
    expect(performance.now() - begunAt).toBeLessThan(20 * DEADLINE_MS)
    expect(events.map(({ type }) => type)).toEqual(['degraded'])
  })

  it.each(Object.entries(CALLS))('is unavailable when it throws at once: %s', async (_name, call) => {
    const { store } = guarded(() => {
      throw new TypeError('not open')
    })
    await expect(call(store)).rejects.toThrow(StoreUnavailableError)
  })

  it('fails for whoever manages credits, with nothing of the cause in the message', async () => {
    const store = memory({ losesDataOnExit: true })
    const failing = {
      ...ledgerOf(store),
      findAccount: () => Promise.reject(new Error('password authentication failed')),
    }
    const { keyward, events } = createTestKeyward({ store: { ...store, ledger: failing } })
    for (let times = 0; times < 3; times++)
      await expect(keyward.credits.get({ owner: 'acme' })).rejects.toMatchObject({
        name: 'StoreUnavailableError',
        message: expect.not.stringContaining('password'),
      })
    expect(events.filter(({ type }) => type === 'degraded')).toHaveLength(1)
  })
})
