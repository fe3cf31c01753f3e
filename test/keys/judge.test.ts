import fc from 'fast-check'
import type { KeyRecord, KeyState } from 'keyward'
import { describe, expect, it } from 'vitest'
import {
  type Asked,
  isTerminal,
  judgeRecord,
  type RefusalReason,
  stateConditions,
  stateOf,
} from '../../src/keys/judge.ts'
import { memory } from '../../src/stores/memory/memory-store.ts'
import { putting, sampleKey } from '../../src/testing/key-store/samples.ts'

const NOW = Date.UTC(2026, 5, 1, 12)
const at = (offsetMs: number) => new Date(NOW + offsetMs)
const asked: Asked = { scopes: [], audience: undefined, address: undefined, owner: undefined }

/** What each check looks at, broken, in the order in which checks run. */
const broken: readonly [RefusalReason, Partial<KeyRecord>, Partial<Asked>][] = [
  ['key_deleted', { deletedAt: at(-1) }, {}],
  ['key_revoked', { revokedAt: at(-1) }, {}],
  ['key_disabled', { disabledAt: at(-1) }, {}],
  ['key_not_yet_valid', { startsAt: at(1) }, {}],
  ['key_expired', { expiresAt: at(0) }, {}],
  ['wrong_owner', {}, { owner: 'other' }],
  ['wrong_audience', { audiences: ['eu'] }, { audience: 'us' }],
  ['address_not_allowed', { addresses: ['192.0.2.0/24'] }, { address: '192.0.3.1' }],
  ['missing_scope', { scopes: ['read'] }, { scopes: ['write'] }],
]

describe('the judge', () => {
  it('lets a key be used that nothing speaks against', () => {
    expect(judgeRecord(sampleKey(), asked, NOW)).toBeUndefined()
  })

  it.each(broken)('refuses with %s', (reason, fields, demands) => {
    expect(judgeRecord(sampleKey(fields), { ...asked, ...demands }, NOW)).toBe(reason)
  })

  it('reports the first of two reasons, in one fixed order', () => {
    for (const [first, [reason, fields, demands]] of broken.entries())
      for (const [, moreFields, moreDemands] of broken.slice(first + 1)) {
        const record = sampleKey({ ...moreFields, ...fields })
        expect(judgeRecord(record, { ...asked, ...moreDemands, ...demands }, NOW)).toBe(reason)
      }
  })

  it.each([
    ['before startsAt', { startsAt: at(1) }, 'key_not_yet_valid'],
    ['at startsAt', { startsAt: at(0) }, undefined],
    ['after startsAt', { startsAt: at(-1) }, undefined],
    ['before expiresAt', { expiresAt: at(1) }, undefined],
    ['at expiresAt', { expiresAt: at(0) }, 'key_expired'],
    ['after expiresAt', { expiresAt: at(-1) }, 'key_expired'],
    ['disabled in the future', { disabledAt: at(1) }, 'key_disabled'],
    ['revoked in the future', { revokedAt: at(1) }, 'key_revoked'],
    ['deleted in the future', { deletedAt: at(1) }, 'key_deleted'],
  ] satisfies [string, Partial<KeyRecord>, RefusalReason | undefined][])(
    'judges the instant %s',
    (_when, fields, reason) => {
      expect(judgeRecord(sampleKey(fields), asked, NOW)).toBe(reason)
    },
  )

  it.each([
    [[], [], undefined],
    [['read'], [], undefined],
    [['read'], ['read'], undefined],
    [['read', 'write'], ['write', 'read'], undefined],
    [['read'], ['read', 'write'], 'missing_scope'],
    [[], ['read'], 'missing_scope'],
    [['*'], ['read'], 'missing_scope'],
    [['read'], ['READ'], 'missing_scope'],
    [['read:all'], ['read'], 'missing_scope'],
  ])('a key with %j asked for %j: %s', (scopes, demanded, reason) => {
    expect(judgeRecord(sampleKey({ scopes }), { ...asked, scopes: demanded }, NOW)).toBe(reason)
  })

  it.each([
    [[], undefined, undefined],
    [[], 'eu', undefined],
    [['eu'], 'eu', undefined],
    [['us', 'eu'], 'eu', undefined],
    [['us'], 'eu', 'wrong_audience'],
    [['eu'], undefined, 'wrong_audience'],
  ])('a key for %j where the deployment is %s: %s', (audiences, audience, reason) => {
    expect(judgeRecord(sampleKey({ audiences }), { ...asked, audience }, NOW)).toBe(reason)
  })

  it('takes only what can never be undone for terminal', () => {
    const terminal = broken.map(([reason]) => reason).filter(isTerminal)
    expect(terminal).toEqual(['key_deleted', 'key_revoked', 'wrong_owner'])
  })
})

describe('the state that a list shows', () => {
  it.each([
    ['active', {}],
    ['active', { audiences: ['eu'], addresses: ['192.0.2.1'], scopes: [] }],
    ['active', { startsAt: at(0), expiresAt: at(1) }],
    ['scheduled', { startsAt: at(1) }],
    ['expired', { expiresAt: at(0) }],
    ['disabled', { disabledAt: at(-1), expiresAt: at(-1) }],
    ['revoked', { revokedAt: at(-1), disabledAt: at(-1) }],
    ['deleted', { deletedAt: at(-1), revokedAt: at(-1) }],
  ] satisfies [KeyState, Partial<KeyRecord>][])('is %s for %j', (state, fields) => {
    expect(stateOf(sampleKey(fields), NOW)).toBe(state)
  })

  const instants = fc.constantFrom(null, at(-1), at(0), at(1))
  const states: readonly KeyState[] = ['active', 'scheduled', 'disabled', 'revoked', 'expired', 'deleted']

  it('is the one by which a store finds the key, whatever its instants are', async () => {
    const anyFields = fc.record({
      startsAt: instants,
      expiresAt: instants,
      disabledAt: instants,
      revokedAt: instants,
      deletedAt: instants,
    })
    await fc.assert(
      fc.asyncProperty(anyFields, async (fields) => {
        const record = sampleKey(fields)
        const store = memory({ losesDataOnExit: true })
        await store.commit([putting(record, 0)])
        const found: KeyState[] = []
        for (const state of states) {
          const query = { owner: undefined, beforeId: undefined, limit: 10, conditions: stateConditions(state, NOW) }
          if ((await store.list(query)).length > 0) found.push(state)
        }
        expect(found).toEqual([stateOf(record, NOW)])
        const all = { owner: undefined, beforeId: undefined, limit: 10, conditions: stateConditions(undefined, NOW) }
        expect(await store.list(all)).toHaveLength(fields.deletedAt === null ? 1 : 0)
      }),
      { numRuns: 300 },
    )
  })
})
