import { describe, expect, it } from 'vitest'
import { type PolicyWindow, rateLimitHeaders, retryAfterSeconds } from '../../src/limits/response-headers.ts'
import { createSlidingWindow } from '../../src/limits/sliding-window.ts'

const NOW = Date.UTC(2026, 0, 1)
const NOW_SECONDS = NOW / 1000

describe('the rate limit headers', () => {
  it('80: counts down from 9 to 0 over ten requests, then refuses two and says how long to wait', () => {
    const log = createSlidingWindow([{ limit: 10, windowSeconds: 60 }])
    for (let i = 0; i < 12; i++) {
      const { admitted, windows } = log.admit(i * 1000)
      const named = windows.map((state) => ({ ...state, policy: 'p' }))
      const left = Math.max(0, 9 - i)
      expect(admitted).toBe(i < 10)
      expect(rateLimitHeaders(named, NOW + i * 1000, 'both', admitted)).toEqual([
        ['X-RateLimit-Limit', '10'],
        ['X-RateLimit-Remaining', String(left)],
        ['X-RateLimit-Reset', String(NOW_SECONDS + 60)],
        ['RateLimit-Policy', '"p";q=10;w=60'],
        ['RateLimit', `"p";r=${left};t=${60 - i}`],
      ])
      if (!admitted) expect(retryAfterSeconds(windows)).toBe(60 - i)
    }
  })

  it('sends the family that is asked for, and none where no window was faced', () => {
    const names = (style: 'x' | 'draft-10' | 'both' | 'none') =>
      rateLimitHeaders([state({})], NOW, style, true).map(([name]) => name)
    expect(names('x')).toEqual(['X-RateLimit-Limit', 'X-RateLimit-Remaining', 'X-RateLimit-Reset'])
    expect(names('draft-10')).toEqual(['RateLimit-Policy', 'RateLimit'])
    expect(names('both')).toHaveLength(5)
    expect(names('none')).toEqual([])
    expect(rateLimitHeaders([], NOW, 'both', true)).toEqual([])
  })

  it('shows the window with least left; of equals, the one that is longest without more', () => {
    const windows = [
      state({ limit: 100, remaining: 7, resetMs: 1000 }),
      state({ limit: 20, remaining: 3, resetMs: 2000 }),
      state({ limit: 30, remaining: 3, resetMs: 5000 }),
      state({ limit: 40, remaining: 3, resetMs: 4000 }),
    ]
    expect(rateLimitHeaders(windows, NOW, 'x', true)).toEqual(x(30, 3, NOW_SECONDS + 5))
  })

  it('shows the window with the longest wait on a refusal, with nothing left and the instant at which to come back', () => {
    const windows = [
      state({ limit: 10, remaining: 0, resetMs: 3000, retryMs: 3000 }),
      state({ limit: 50, remaining: 4, resetMs: 1000, retryMs: 40_000 }),
      state({ limit: 5, remaining: 1, resetMs: 90_000, retryMs: 0 }),
    ]
    expect(rateLimitHeaders(windows, NOW, 'x', false)).toEqual(x(50, 0, NOW_SECONDS + 40))
    expect(retryAfterSeconds(windows)).toBe(40)
  })

  it('rounds every second up', () => {
    const windows = [state({ remaining: 0, resetMs: 1001, retryMs: 1001 })]
    expect(rateLimitHeaders(windows, NOW + 1, 'x', false)[2]).toEqual(['X-RateLimit-Reset', String(NOW_SECONDS + 2)])
    expect(rateLimitHeaders(windows, NOW + 1, 'draft-10', false)[1]).toEqual(['RateLimit', '"default";r=0;t=2'])
    expect(retryAfterSeconds(windows)).toBe(2)
    expect(retryAfterSeconds([state({ retryMs: 0.001 })])).toBe(1)
    expect(retryAfterSeconds([])).toBe(1)
  })

  it('97: lists the windows of all policies, and those of one policy under names of their own', () => {
    const windows = [
      state({ policy: 'burst', limit: 10, windowSeconds: 1, remaining: 0, resetMs: 200, retryMs: 200 }),
      state({ policy: 'daily', limit: 1000, windowSeconds: 86_400, remaining: 990, resetMs: 86_000_000 }),
      state({ policy: 'burst', limit: 100, windowSeconds: 60, remaining: 90, resetMs: 59_800 }),
      state({ policy: 'burst', limit: 500, windowSeconds: 60, remaining: 490, resetMs: 0 }),
    ]
    expect(rateLimitHeaders(windows, NOW, 'draft-10', false)).toEqual([
      ['RateLimit-Policy', '"burst";q=10;w=1, "daily";q=1000;w=86400, "burst:2";q=100;w=60, "burst:3";q=500;w=60'],
      ['RateLimit', '"burst";r=0;t=1, "daily";r=990;t=86000, "burst:2";r=90;t=60, "burst:3";r=490;t=0'],
    ])
  })

  it('tells the length of the window where a request can never fit', () => {
    const never = [state({ limit: 0, windowSeconds: 30, remaining: 0, retryMs: Number.POSITIVE_INFINITY })]
    expect(retryAfterSeconds(never)).toBe(30)
    expect(rateLimitHeaders(never, NOW, 'both', false)).toEqual([
      ...x(0, 0, NOW_SECONDS + 30),
      ['RateLimit-Policy', '"default";q=0;w=30'],
      ['RateLimit', '"default";r=0;t=30'],
    ])
  })

  it('follows a policy that is edited', () => {
    const policyOf = (limit: number) =>
      rateLimitHeaders([state({ policy: 'edited', limit })], NOW, 'draft-10', true)[0]?.[1]
    expect([policyOf(5), policyOf(6), policyOf(5)]).toEqual([
      '"edited";q=5;w=60',
      '"edited";q=6;w=60',
      '"edited";q=5;w=60',
    ])
  })

  it('remembers texts for a bounded number of names', () => {
    for (let i = 0; i < 3000; i++) {
      expect(rateLimitHeaders([state({ policy: `p${i}` })], NOW, 'draft-10', true)[0]?.[1]).toBe(`"p${i}";q=100;w=60`)
    }
  })
})

function state(parts: Partial<PolicyWindow>): PolicyWindow {
  return { policy: 'default', limit: 100, windowSeconds: 60, remaining: 42, resetMs: 1000, retryMs: 0, ...parts }
}

function x(limit: number, remaining: number, reset: number): [string, string][] {
  return [
    ['X-RateLimit-Limit', String(limit)],
    ['X-RateLimit-Remaining', String(remaining)],
    ['X-RateLimit-Reset', String(reset)],
  ]
}
