import { createKeyFormat, defaultProfile } from '../../index.ts'
import { expectEqual, expectThat } from '../expectations.ts'
import { type AdapterCase, adapterCase, echo, expectRefusal, hundredAMinute, type Site } from './adapter-case.ts'

const MISSING = 'missing_authorization_header'
const MALFORMED = 'malformed_authorization_header'
const INVALID = 'invalid_api_key'

/** Header lines that must be refused with a 401, by what they are; a tilde stands for the key. Numbers are the catalog's. */
const REFUSED: readonly (readonly [what: string, code: string, ...lines: readonly string[]])[] = [
  ['no Authorization (1)', MISSING],
  ['a tab after the scheme (4)', MALFORMED, 'Authorization: Bearer\t~'],
  ['a scheme alone (5)', MISSING, 'Authorization: Bearer'],
  ['a scheme and a space (5)', MISSING, 'Authorization: Bearer '],
  ['an empty value (5)', MISSING, 'Authorization:'],
  ['another scheme', MALFORMED, 'Authorization: Basic ~'],
  ['two equal Authorization lines (7)', MALFORMED, 'Authorization: Bearer ~', 'Authorization: Bearer ~'],
  ['two Authorization lines, the first one empty', MALFORMED, 'Authorization:', 'authorization: Bearer ~'],
  ['two keys in one line (8)', MALFORMED, 'Authorization: Bearer ~, Bearer ~'],
  ['a key without a scheme (10)', MISSING, 'Authorization: ~'],
  ['a key in another header (12)', MISSING, 'X-API-Key: ~', 'Cookie: key=~'],
  ['15,000 characters (15)', INVALID, `Authorization: Bearer ${'a'.repeat(15_000)}`],
  ['Cyrillic letters in UTF-8 (16)', INVALID, 'Authorization: Bearer sk_\xd0\xb0\xd0\xb1'],
  ['an emoji and a combining mark (16)', INVALID, 'Authorization: Bearer ~\xf0\x9f\x94\x91\xcc\x81'],
  ['bytes that are no UTF-8 (16)', INVALID, 'Authorization: Bearer \xff\xfe\x80'],
  ['a key and an equals sign (17)', INVALID, 'Authorization: Bearer ~='],
  ['a key and U+00A0 (17)', INVALID, 'Authorization: Bearer ~\xc2\xa0'],
  ['a key in percent-encoding (17)', INVALID, 'Authorization: Bearer %73~'],
]

/** What a request may carry in its head. */
export const headerCases: readonly AdapterCase[] = [
  ...REFUSED.map(([what, code, ...lines]) =>
    adapterCase(`refuses ${what}, touches no limit and does not run the handler`, hundredAMinute, async (site) => {
      expectRefusal(await site.get(...lines.map((line) => line.replaceAll('~', site.key.apiKey))), 401, code)
      site.expectRuns(0)
      await expectUntouched(site)
    }),
  ),
  adapterCase(
    'challenges who brings nothing without an error, and who brings something bad with one (1)',
    {},
    async (site) => {
      expectEqual((await site.get()).field('www-authenticate'), 'Bearer realm="api"', 'challenge')
      const challenge = 'Bearer realm="api", error="invalid_token"'
      expectEqual((await site.get('Authorization: Bearer x')).field('www-authenticate'), challenge, 'challenge')
      site.expectRuns(0)
    },
  ),
  adapterCase('admits the scheme in any case and any number of spaces after it (2, 3)', {}, async (site) => {
    for (const scheme of ['Bearer ', 'bEaReR ', 'Bearer   ', '  Bearer ']) {
      const response = await site.get(`authorization: ${scheme}${site.key.apiKey}`)
      expectEqual(response.status, 200, `status for "${scheme}"`)
      expectEqual((response.json() as { keyId: string }).keyId, site.key.id, 'key')
      site.expectRuns(1)
    }
  }),
  adapterCase('takes no key from the address or a form (11)', { routes: [echo] }, async (site) => {
    const { apiKey } = site.key
    for (const name of ['api_key', 'access_token', 'key'])
      expectRefusal(await site.send('GET', `/?${name}=${apiKey}`, []), 401, MISSING)
    const form = 'Content-Type: application/x-www-form-urlencoded'
    expectRefusal(await site.send('POST', '/echo', [form], `access_token=${apiKey}`), 401, MISSING)
    site.expectRuns(0)
  }),
  adapterCase('leaves what is no HTTP to the parser, and serves the next connection (13, 14, 24)', {}, async (site) => {
    const { apiKey } = site.key
    const line = `Authorization: Bearer ${apiKey}`
    const heads = [
      `${line}\0`,
      `Authorization: Bearer \x01${apiKey}`,
      `Authorization: Bearer\rX ${apiKey}`,
      `Authorization : Bearer ${apiKey}`,
      `${line}\r\nContent-Length: 3\r\nTransfer-Encoding: chunked`,
      `${line}\r\nContent-Length: 3\r\nContent-Length: 4`,
    ]
    for (const head of heads) {
      const { responses } = await site.exchange(`GET / HTTP/1.1\r\nHost: localhost\r\n${head}\r\n\r\nabc`, ['GET'])
      expectEqual(responses[0]?.status, 400, `status for ${JSON.stringify(head.replaceAll(apiKey, 'KEY'))}`)
      site.expectRuns(0)
    }
    expectEqual((await site.getWithKey()).status, 200, 'status afterwards')
  }),
  adapterCase('refuses a folded Authorization line (14)', {}, async (site) => {
    const head = `GET / HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer\r\n ${site.key.apiKey}\r\n\r\n`
    const status = (await site.exchange(head, ['GET'])).responses[0]?.status
    expectThat(status === 400 || status === 401, `status ${status}`)
    site.expectRuns(0)
  }),
  adapterCase('survives a head that is too long, or has too many lines (15, 25)', {}, async (site) => {
    expectEqual(
      (await site.get(`Authorization: Bearer ${'a'.repeat(17_000)}`)).status,
      431,
      'status at 17,000 characters',
    )
    const many = Array.from({ length: 2_100 }, () => 'a: b')
    const { status } = await site.get(...many, `Authorization: Bearer ${site.key.apiKey}`)
    expectThat(status === 401 || status === 431, `status ${status} at 2,100 lines`)
    site.expectRuns(0)
    expectEqual((await site.getWithKey()).status, 200, 'status afterwards')
  }),
  adapterCase('answers HEAD like GET, without a body (18)', {}, async (site) => {
    const refused = await site.send('HEAD', '/', [])
    expectEqual([refused.status, refused.body], [401, ''], 'status and body')
    expectEqual(refused.field('www-authenticate'), 'Bearer realm="api"', 'challenge')
    site.expectRuns(0)
    const admitted = await site.send('HEAD', '/', [`Authorization: Bearer ${site.key.apiKey}`])
    expectEqual([admitted.status, admitted.body], [200, ''], 'status and body')
  }),
  adapterCase(
    'answers a CORS preflight without the handler and without using a limit (19)',
    hundredAMinute,
    async (site) => {
      const { status } = await site.send('OPTIONS', '/', [
        'Origin: https://a.example',
        'Access-Control-Request-Method: GET',
      ])
      expectThat(status < 500, `status ${status}`)
      site.expectRuns(0)
      await expectUntouched(site)
    },
  ),
  adapterCase('does not look for a key in the trailer of a body (23)', { routes: [echo] }, async (site) => {
    const head =
      'POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTrailer: Authorization\r\n'
    const bytes = `${head}Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\nAuthorization: Bearer ${site.key.apiKey}\r\n\r\n`
    const [response] = (await site.exchange(bytes, ['POST'])).responses
    expectThat(response !== undefined, 'no answer')
    expectRefusal(response, 401, MISSING)
    site.expectRuns(0)
  }),
  adapterCase(
    'refuses keys of another product or environment, and other spellings of its own (17, 33)',
    {},
    async (site) => {
      const { apiKey } = site.key
      const others = ['sk_test_', 'pv_'].map((prefix) => createKeyFormat({ prefix }).make())
      for (const other of [
        ...others,
        defaultProfile.keyFormat.make(),
        apiKey.toUpperCase(),
        apiKey.slice(1),
        `${apiKey}0`,
      ]) {
        expectRefusal(await site.get(`Authorization: Bearer ${other}`), 401, INVALID)
      }
      site.expectRuns(0)
    },
  ),
]

/** Throws unless the next request is the first that counts. */
async function expectUntouched(site: Site): Promise<void> {
  expectEqual((await site.getWithKey()).field('x-ratelimit-remaining'), '99', 'units left after the next request')
}
