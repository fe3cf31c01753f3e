import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { judgeBalance } from '../../src/alerts/credit-rule.ts'
import { judgeAge, judgeExpiry } from '../../src/alerts/key-rules.ts'
import { networkOf } from '../../src/alerts/network-rule.ts'
import { MOST_TRIES, readRetryAfter, retryDelay } from '../../src/alerts/retry-delay.ts'
import { sampleKey } from '../../src/testing/key-store/samples.ts'
import { DAY_MS, NOW } from './alert-kit.ts'

const terms = { rotationAgeDays: 90, expiryWithinDays: 7 }
const at = (days: number) => new Date(NOW + days * DAY_MS)

describe('the rules about keys', () => {
  it('say that a key ends soon within 7 days, until it is over, replaced or revoked', () => {
    const endingIn = (days: number, fields = {}) =>
      judgeExpiry(sampleKey({ expiresAt: at(days), ...fields }), terms, NOW)
    expect(endingIn(7)).toMatchObject({ kind: 'expiry_near', details: { daysLeft: 7 } })
    expect(endingIn(7.001)).toBeUndefined()
    expect(endingIn(0)).toBeUndefined()
    expect(endingIn(1, { rotatedTo: 'key_2' })).toBeUndefined()
    expect(endingIn(1, { revokedAt: at(0) })).toBeUndefined()
    expect(judgeExpiry(sampleKey(), terms, NOW)).toBeUndefined()
    expect(judgeExpiry(sampleKey({ expiresAt: at(1) }), { ...terms, expiryWithinDays: undefined }, NOW)).toBeUndefined()
  })

  it('say that a key should be rotated after 90 days, by its own age', () => {
    const aged = (days: number, fields = {}) => judgeAge(sampleKey({ createdAt: at(-days), ...fields }), terms, NOW)
    expect(aged(90.2)).toMatchObject({ kind: 'rotation_due', details: { ageDays: 90.2, dueAfterDays: 90 } })
    expect(aged(90)).toBeUndefined()
    expect(aged(100, { rotatedTo: 'key_2' })).toBeUndefined()
    expect(aged(100, { disabledAt: at(-1) })).toBeUndefined()
    expect(judgeAge(sampleKey({ createdAt: at(-100) }), { ...terms, rotationAgeDays: undefined }, NOW)).toBeUndefined()
  })
})

describe('the rule about balances', () => {
  it('has them low below the threshold, and clear from a tenth above it on', () => {
    expect(judgeBalance(99, 100)).toEqual({ isLow: true, isClear: false })
    expect(judgeBalance(100, 100)).toEqual({ isLow: false, isClear: false })
    expect(judgeBalance(110, 100)).toEqual({ isLow: false, isClear: true })
  })
})

describe('the network of an address', () => {
  it.each([
    ['203.0.113.77', '203.0.113.0/24'],
    ['::ffff:203.0.113.77', '203.0.113.0/24'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1::/48'],
    ['2001:DB8:0001::1%eth0', '2001:db8:1::/48'],
    ['::1', '0:0:0::/48'],
  ])('of %s is %s', (address, network) => {
    expect(networkOf(address)).toBe(network)
  })

  it('is nothing for what is no address, and the same for each address of an IPv4 network', () => {
    for (const text of ['', 'unknown', '1.2.3', '1.2.3.4.5', 'x'.repeat(500)]) expect(networkOf(text)).toBeUndefined()
    const byte = fc.nat(255)
    fc.assert(
      fc.property(byte, byte, byte, byte, (a, b, c, d) => {
        expect(networkOf(`${a}.${b}.${c}.${d}`)).toBe(`${a}.${b}.${c}.0/24`)
      }),
    )
  })
})

describe('the time between two tries', () => {
  it('grows by four from a minute to 17 hours, with full jitter', () => {
    const most = Array.from({ length: MOST_TRIES - 1 }, (_, index) => retryDelay(index + 1, 0, 1))
    expect(most.map((ms) => ms / 60_000)).toEqual([1, 4, 16, 64, 256, 1_024, 1_024])
    expect(retryDelay(3, 0, 0)).toBe(0)
    expect(retryDelay(3, 0, 0.5)).toBe(8 * 60_000)
  })

  it('is never shorter than the receiver asks for, up to a day', () => {
    expect(retryDelay(1, 3_600_000, 0.5)).toBe(3_600_000)
    expect(retryDelay(1, 1e12, 0.5)).toBe(DAY_MS)
  })

  it.each([
    [null, 0],
    ['120', 120_000],
    ['Mon, 01 Jun 2026 12:00:30 GMT', 30_000],
    ['Mon, 01 Jun 2026 11:00:00 GMT', 0],
    ['-1', 0],
    ['soon', 0],
    ['9'.repeat(40), 0],
  ])('is read from Retry-After: %s', (value, ms) => {
    expect(readRetryAfter(value, NOW)).toBe(ms)
  })
})
