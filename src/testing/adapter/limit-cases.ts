import { createProfile, defaultProfile, pipevideo } from '../../index.ts'
import { expectEqual } from '../expectations.ts'
import { type AdapterCase, adapterCase, expectRefusal, hundredAMinute, type SiteOptions } from './adapter-case.ts'
import type { RawResponse } from './raw-http.ts'

/** The wall time at which every case begins, in Unix seconds. */
const START_SECONDS = Date.UTC(2026, 0, 1) / 1000

const tenAMinute: SiteOptions = { limits: { policies: { default: [{ limit: 10, windowSeconds: 60 }] } } }

/** Limits, as they are counted and shown. */
export const limitCases: readonly AdapterCase[] = [
  adapterCase(
    'shows on every admitted response what is left, to the unit and the second',
    hundredAMinute,
    async (site) => {
      for (const remaining of [99, 98, 97]) expectLimit(await site.getWithKey(), [100, remaining, START_SECONDS + 60])
      site.expectRuns(3)
      site.clock.advance(10_001)
      expectLimit(await site.getWithKey(), [100, 96, START_SECONDS + 60])
      site.expectRuns(1)
    },
  ),
  adapterCase(
    'admits as many as the limit says, then refuses until Retry-After is over (80, 84)',
    tenAMinute,
    async (site) => {
      for (let left = 9; left >= 0; left--) expectLimit(await site.getWithKey(), [10, left, START_SECONDS + 60])
      site.expectRuns(10)
      for (let again = 0; again < 2; again++) {
        const refused = await site.getWithKey()
        expectRefusal(refused, 429, 'rate_limit_exceeded')
        expectLimit(refused, [10, 0, START_SECONDS + 60])
        expectEqual(refused.field('retry-after'), '60', 'Retry-After')
      }
      site.expectRuns(0)
      site.clock.advance(60_000)
      expectEqual((await site.getWithKey()).status, 200, 'status after Retry-After')
      site.expectRuns(1)
    },
  ),
  adapterCase(
    'sends the fields of draft-10 in their place where the profile says so (80)',
    { ...tenAMinute, profile: createProfile(defaultProfile, { rateLimitHeaders: 'draft-10' }) },
    async (site) => {
      for (let left = 9; left >= 0; left--) expectDraft(await site.getWithKey(), left)
      site.expectRuns(10)
      expectDraft(await site.getWithKey(), 0)
      site.expectRuns(0)
    },
  ),
  adapterCase(
    'counts nothing when a cost does not fit (96)',
    { ...tenAMinute, guards: [{ cost: 4 }] },
    async (site) => {
      expectLimit(await site.getWithKey(), [10, 6, START_SECONDS + 60])
      expectLimit(await site.getWithKey(), [10, 2, START_SECONDS + 60])
      site.expectRuns(2)
      expectEqual((await site.getWithKey()).status, 429, 'status')
      site.expectRuns(0)
      expectEqual((await site.keyward.limits.read(site.key.id))[0]?.remaining, 2, 'units left')
    },
  ),
  adapterCase('admits 100 of 101 requests that come at once on one connection', hundredAMinute, async (site) => {
    const request = `GET / HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${site.key.apiKey}\r\n\r\n`
    const { responses } = await site.exchange(
      request.repeat(101),
      Array.from({ length: 101 }, () => 'GET'),
    )
    const statuses = responses.map(({ status }) => status)
    expectEqual(statuses.filter((status) => status === 200).length, 100, 'admitted')
    expectEqual(statuses.filter((status) => status === 429).length, 1, 'refused')
    expectEqual(new Set(responses.map((response) => response.field('x-request-id'))).size, 101, 'request ids')
    site.expectRuns(100)
  }),
  adapterCase(
    'answers a missing scope with 403, its challenge and the limits, and uses nothing (27)',
    { ...hundredAMinute, guards: [{ scopes: ['tasks:write', 'tasks:read'] }], key: { scopes: ['tasks:read'] } },
    async (site) => {
      for (let again = 0; again < 2; again++) {
        const refused = await site.getWithKey()
        expectRefusal(refused, 403, 'insufficient_scope')
        const challenge = 'Bearer realm="api", error="insufficient_scope", scope="tasks:write tasks:read"'
        expectEqual(refused.field('www-authenticate'), challenge, 'challenge')
        expectLimit(refused, [100, 100, START_SECONDS])
      }
      site.expectRuns(0)
    },
  ),
  adapterCase(
    'counts once where it is mounted twice, and says so once (104)',
    { ...hundredAMinute, guards: [{}, {}] },
    async (site) => {
      for (const left of [99, 98]) expectLimit(await site.getWithKey(), [100, left, START_SECONDS + 60])
      site.expectRuns(2)
      const warnings = site.events.filter((event) => event.type === 'warning' && event.code === 'mounted_twice')
      expectEqual(warnings.length, 1, 'warnings')
    },
  ),
  adapterCase(
    'counts what a second mount demands beyond the first, and judges its scopes (104)',
    {
      limits: { policies: { default: [{ limit: 100, windowSeconds: 60 }], burst: [{ limit: 9, windowSeconds: 1 }] } },
      guards: [{ cost: 2 }, { cost: 5, policies: ['burst'], scopes: ['a'] }],
      key: { scopes: ['a'] },
    },
    async (site) => {
      expectLimit(await site.getWithKey(), [9, 4, START_SECONDS + 1])
      site.expectRuns(1)
      expectEqual((await site.keyward.limits.read(site.key.id))[0]?.remaining, 95, 'units left of the key')
      expectRefusal(await site.getWithKey(), 429, 'rate_limit_exceeded')
      await site.keyward.keys.update(site.key.id, { scopes: [] })
      expectRefusal(await site.getWithKey(), 403, 'insufficient_scope')
      site.expectRuns(0)
    },
  ),
  ...['at once', 'later'].map((when) =>
    adapterCase(
      `runs no handler, and shows the limits, when the second half refuses ${when}`,
      {
        ...hundredAMinute,
        alter: (keyward) => ({
          ...keyward,
          begin(context) {
            const denial = keyward.deny(context, 'insufficient_credits')
            return when === 'later' ? Promise.resolve(denial) : denial
          },
        }),
      },
      async (site) => {
        const refused = await site.getWithKey()
        expectRefusal(refused, 402, 'insufficient_credits')
        expectLimit(refused, [100, 99, START_SECONDS + 60])
        site.expectRuns(0)
      },
    ),
  ),
  adapterCase(
    'answers over the limit as Pipevideo does, to the byte',
    { ...tenAMinute, profile: pipevideo },
    async (site) => {
      for (let sent = 0; sent < 10; sent++) await site.getWithKey()
      const refused = await site.getWithKey()
      const body = '{"error":{"code":"RATE_LIMIT_EXCEEDED","message":"Rate limit exceeded. Please try again later."}}'
      expectEqual([refused.status, refused.body], [429, body], 'status and body')
      expectEqual(refused.field('retry-after'), '60', 'Retry-After')
      site.expectRuns(10)
    },
  ),
]

function expectLimit(
  response: RawResponse,
  expected: readonly [limit: number, remaining: number, resetSeconds: number],
): void {
  const shown = ['limit', 'remaining', 'reset'].map((part) => response.field(`x-ratelimit-${part}`))
  expectEqual(shown, expected.map(String), `X-RateLimit-Limit, -Remaining, -Reset of a ${response.status}`)
}

function expectDraft(response: RawResponse, left: number): void {
  expectEqual(response.field('ratelimit-policy'), '"default";q=10;w=60', 'RateLimit-Policy')
  expectEqual(response.field('ratelimit'), `"default";r=${left};t=60`, 'RateLimit')
  expectEqual(response.field('x-ratelimit-limit'), undefined, 'X-RateLimit-Limit')
}
