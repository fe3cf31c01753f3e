import {
  type Gate,
  type KeyStore,
  type Keyward,
  type MaybePromise,
  memory,
  StoreUnavailableError,
} from '../../index.ts'
import { expectEqual } from '../expectations.ts'
import type { TestClock } from '../test-clock.ts'
import { type AdapterCase, adapterCase, expectRefusal, hundredAMinute, type Site } from './adapter-case.ts'
import type { RawResponse } from './raw-http.ts'

/** Changes to a key that must refuse the very next request. */
const CHANGES: readonly (readonly [
  what: string,
  status: number,
  code: string,
  change: (site: Site) => Promise<unknown>,
])[] = [
  ['revoked', 401, 'invalid_api_key', ({ keyward, key }) => keyward.keys.revoke(key.id)],
  ['disabled', 401, 'invalid_api_key', ({ keyward, key }) => keyward.keys.disable(key.id)],
  ['deleted', 401, 'invalid_api_key', ({ keyward, key }) => keyward.keys.delete(key.id)],
  ['purged', 401, 'invalid_api_key', ({ keyward, key }) => keyward.keys.purge(key.id)],
  ['rotated without grace', 401, 'invalid_api_key', ({ keyward, key }) => keyward.keys.rotate(key.id)],
  ['expired', 401, 'invalid_api_key', async ({ clock }) => clock.advance(3_600_000)],
  ['narrowed', 403, 'insufficient_scope', ({ keyward, key }) => keyward.keys.update(key.id, { scopes: ['other'] })],
]

const away = (): Promise<never> => Promise.reject(new StoreUnavailableError('ECONNREFUSED secret-detail'))
const faulty = (): never => {
  throw new Error('SELECT secret-detail')
}
const otherRecord = { id: 'key_x', lineage: 'key_x', owner: 'test', scopes: ['a'], digest: 'x', version: 1 }

/** What a store can do instead of reading; none of it may let a request through. */
const STORE_FAILURES: readonly (readonly [what: string, read: () => unknown])[] = [
  ['is away', away],
  ['hangs', () => new Promise(() => {})],
  ['returns a text', async () => 'key'],
  ['returns an empty object', async () => ({})],
  ['returns null', async () => null],
  ['returns another record', async () => otherRecord],
  ['rejects with an error of its own', async () => faulty()],
  ['throws', faulty],
]

/** What a gate can do instead of answering; an error that is none of ours is a fault: 500. */
const GATE_FAILURES: readonly (readonly [what: string, status: 500 | 503, admit: () => unknown])[] = [
  ['is away', 503, away],
  ['answers nothing', 500, () => undefined],
  ['answers a text', 503, async () => 'admitted'],
  ['gives an outcome that is none', 503, () => ({ outcome: 'yes', windows: [] })],
  ['throws', 500, faulty],
]

/** The key's life, and the store's failures, as clients see them. */
export const storeCases: readonly AdapterCase[] = [
  ...CHANGES.map(([what, status, code, change]) =>
    adapterCase(
      `refuses the next request of a key that was ${what}`,
      { guards: [{ scopes: ['a'] }], key: { scopes: ['a'], expiresAt: new Date(Date.UTC(2026, 0, 1, 1)) } },
      async (site) => {
        expectEqual((await site.getWithKey()).status, 200, 'status before')
        site.expectRuns(1)
        await change(site)
        expectRefusal(await site.getWithKey(), status, code)
        site.expectRuns(0)
      },
    ),
  ),
  ...STORE_FAILURES.map(([what, read]) => {
    let isBroken = false
    const makeStore = (clock: TestClock) =>
      reading(memory({ losesDataOnExit: true, clock }), (original) =>
        isBroken ? (read() as ReturnType<typeof original>) : original(),
      )
    return adapterCase(`answers 503 and runs no handler when the store ${what}`, { makeStore }, async (site) => {
      isBroken = true
      const refused = await site.getWithKey()
      isBroken = false
      site.expectRuns(0)
      expectFailure(refused, 503)
      expectEqual((await site.getWithKey()).status, 200, 'status afterwards')
      site.expectRuns(1)
    })
  }),
  ...GATE_FAILURES.map(([what, status, admit]) => {
    const gate = { ...hundredAMinute, gate: { versions: 'process', admit, peek: admit, fence: () => {} } as Gate }
    return adapterCase(`answers ${status} and runs no handler when the gate ${what}`, gate, async (site) => {
      expectFailure(await site.getWithKey(), status)
      site.expectRuns(0)
    })
  }),
  concurrencyCase(),
  adapterCase('serves 503 when it is closed, and runs no handler', {}, async (site) => {
    const { keyward }: { readonly keyward: Keyward } = site
    await keyward.close()
    expectRefusal(await site.getWithKey(), 503, 'service_unavailable')
    site.expectRuns(0)
  }),
]

/** 1,000 requests at once for a key that nobody asked for before. */
function concurrencyCase(): AdapterCase {
  let reads = 0
  const makeStore = (clock: TestClock) =>
    reading(memory({ losesDataOnExit: true, clock }), async (original) => {
      reads += 1
      await new Promise((resolve) => setTimeout(resolve, 50))
      return original()
    })
  return adapterCase('reads the store once for 1,000 requests at once (75)', { makeStore }, async (site) => {
    reads = 0
    const request = `GET / HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${site.key.apiKey}\r\n\r\n`
    const methods = Array.from({ length: 50 }, () => 'GET')
    const answers = await Promise.all(Array.from({ length: 20 }, () => site.exchange(request.repeat(50), methods)))
    const statuses = answers.flatMap(({ responses }) => responses.map(({ status }) => status))
    expectEqual(statuses.filter((status) => status === 200).length, 1_000, 'answers of 200')
    site.expectRuns(1_000)
    expectEqual(reads, 1, 'reads of the store')
  })
}

function expectFailure(refused: RawResponse, status: 500 | 503): void {
  expectRefusal(refused, status, status === 503 ? 'service_unavailable' : 'internal_error')
  expectEqual(refused.field('retry-after'), status === 503 ? '1' : undefined, 'Retry-After')
  expectEqual(refused.body.includes('secret-detail'), false, 'the cause in the body')
}

/** A store with a hand in its reads. */
function reading(
  store: KeyStore,
  read: (
    original: () => ReturnType<KeyStore['findByDigest']>,
  ) => MaybePromise<Awaited<ReturnType<KeyStore['findByDigest']>>>,
): KeyStore {
  return {
    ...store,
    findByDigest: (digests) => read(() => store.findByDigest(digests)) as ReturnType<KeyStore['findByDigest']>,
  }
}
