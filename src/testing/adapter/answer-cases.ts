import { createProfile, defaultProfile, NotFoundError } from '../../index.ts'
import { expectEqual, expectThat } from '../expectations.ts'
import {
  type AdapterCase,
  adapterCase,
  type ContractReply,
  type ContractRoute,
  echo,
  expectRefusal,
  expectRequestId,
  hundredAMinute,
} from './adapter-case.ts'

const JSON_TYPE = 'Content-Type: application/json'
const open: ContractRoute = { method: 'GET', path: '/open', guards: [], handle: () => ({ json: { open: true } }) }
const keepsIncoming = createProfile(defaultProfile, { requestId: { keepIncoming: true } })

/** Answers: request ids, the host's own errors, what is thrown, and whatever a handler may send. */
export const answerCases: readonly AdapterCase[] = [
  adapterCase(
    'names every request on its response, 404 and open routes too, and in events',
    { routes: [open] },
    async (site) => {
      const responses = [
        await site.getWithKey(),
        await site.get(),
        await site.send('GET', '/open', []),
        await site.send('GET', '/nowhere', []),
      ]
      for (const response of responses) expectRequestId(response)
      const ids = responses.map((response) => response.field('x-request-id'))
      expectEqual(new Set(ids).size, 4, 'different ids')
      expectEqual((responses[0]!.json() as { requestId: string }).requestId, ids[0], 'id that the handler sees')
      const told = site.events.flatMap((event) => ('requestId' in event ? [event.requestId] : []))
      expectEqual(told, [ids[0], ids[1]], 'ids in events')
      site.expectRuns(2)
    },
  ),
  adapterCase('keeps no id that a request brings', {}, async (site) => {
    expectRequestId(await site.getWithKey('X-Request-Id: req_mine'))
    site.expectRuns(1)
  }),
  adapterCase(
    'keeps a well-formed id where the profile says so, and no other',
    { profile: keepsIncoming },
    async (site) => {
      const kept = await site.get('X-Request-Id: abc.DEF-1_2')
      expectEqual(kept.field('x-request-id'), 'abc.DEF-1_2', 'id')
      expectEqual((kept.json() as { error: { request_id: string } }).error.request_id, 'abc.DEF-1_2', 'id in the body')
      for (const bad of ['a b', 'a"b', 'x'.repeat(129), '<script>', '\xe9'])
        expectRequestId(await site.getWithKey(`X-Request-Id: ${bad}`))
      site.expectRuns(5)
    },
  ),
  adapterCase('answers a path without a route with 404 in the envelope', {}, async (site) => {
    expectRefusal(await site.send('GET', '/nowhere', []), 404, 'not_found')
    expectRefusal(await site.send('POST', '/nowhere', [JSON_TYPE], '{}'), 404, 'not_found')
    site.expectRuns(0)
  }),
  ...[
    [
      'throws',
      (): never => {
        throw new Error('secret-detail at /srv/app.js')
      },
    ] as const,
    [
      'rejects later',
      async (): Promise<never> => {
        await new Promise((resolve) => setTimeout(resolve, 5))
        throw new Error('secret-detail at /srv/app.js')
      },
    ] as const,
  ].map(([what, handle]) =>
    adapterCase(
      `answers 500 with nothing of the cause when the handler ${what}, and keeps the limits shown (29)`,
      { ...hundredAMinute, handle },
      async (site) => {
        const failed = await site.getWithKey()
        site.expectRuns(1)
        expectRefusal(failed, 500, 'internal_error')
        expectThat(!/secret-detail|app\.js|\bat /.test(failed.body), 'the cause is in the body')
        expectEqual(failed.field('x-ratelimit-remaining'), '99', 'X-RateLimit-Remaining')
      },
    ),
  ),
  adapterCase(
    'answers the errors of the library that a handler throws by their code',
    {
      handle: () => {
        throw new NotFoundError('There is no such key.')
      },
    },
    async (site) => {
      expectRefusal(await site.getWithKey(), 404, 'not_found')
      site.expectRuns(1)
    },
  ),
  adapterCase(
    'answers a body that cannot be parsed with 400, and one that is too large with 413',
    { routes: [echo] },
    async (site) => {
      const head = [`Authorization: Bearer ${site.key.apiKey}`, JSON_TYPE]
      expectRefusal(await site.send('POST', '/echo', head, '{"a":'), 400, 'bad_request')
      expectRefusal(
        await site.send('POST', '/echo', head, JSON.stringify('x'.repeat(20_000))),
        413,
        'payload_too_large',
      )
      site.expectRuns(0)
      expectEqual((await site.send('POST', '/echo', head, '{"a":1}')).json(), { a: 1 }, 'echo')
      site.expectRuns(1)
    },
  ),
  adapterCase('refuses before it reads the body', { routes: [echo] }, async (site) => {
    const head =
      'POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{'
    const [refused] = (await site.exchange(head, ['POST'])).responses
    expectEqual(refused?.status, 401, 'status before the body is there')
    expectRefusal(await site.send('POST', '/echo', [JSON_TYPE], '{"a":'), 401, 'missing_authorization_header')
    site.expectRuns(0)
  }),
  adapterCase(
    'answers broken rules with 422 and where they were broken, from the issues of zod',
    {
      handle: (): ContractReply => {
        const issues = [
          { code: 'too_small', input: 'secret-detail', path: ['prompt', 0], message: 'must not be empty' },
        ]
        return { error: 'validation_failed', details: { issues } }
      },
    },
    async (site) => {
      const refused = await site.getWithKey()
      expectRefusal(refused, 422, 'validation_failed')
      const { issues } = (refused.json() as { error: { issues: unknown } }).error
      expectEqual(issues, [{ path: ['prompt', 0], message: 'must not be empty' }], 'issues')
      const problem = await site.getWithKey('Accept: application/problem+json')
      expectEqual(
        (problem.json() as { errors: unknown }).errors,
        [{ detail: 'must not be empty', pointer: '#/prompt/0' }],
        'errors',
      )
      site.expectRuns(2)
    },
  ),
  adapterCase('sends problem details to who asks for them (28)', {}, async (site) => {
    const refused = await site.get('Accept: application/problem+json')
    expectEqual([refused.status, refused.field('content-type')], [401, 'application/problem+json'], 'status and type')
    const { status, code, request_id } = refused.json() as Readonly<Record<string, unknown>>
    expectEqual(
      [status, code, request_id],
      [401, 'missing_authorization_header', refused.field('x-request-id')],
      'problem',
    )
    const missing = await site.send('GET', '/nowhere', ['Accept: application/problem+json'])
    expectEqual([missing.status, missing.field('content-type')], [404, 'application/problem+json'], 'status and type')
    site.expectRuns(0)
  }),
  adapterCase(
    'puts its fields on redirects and streams too, each once',
    {
      ...hundredAMinute,
      routes: [
        { method: 'GET', path: '/away', guards: [{}], handle: () => ({ redirect: '/open' }) },
        { method: 'GET', path: '/stream', guards: [{}], handle: () => ({ chunks: ['one ', 'two ', 'three'] }) },
      ],
    },
    async (site) => {
      const bearer = `Authorization: Bearer ${site.key.apiKey}`
      const away = await site.send('GET', '/away', [bearer])
      expectEqual([away.status, away.field('location')], [302, '/open'], 'redirect')
      const stream = await site.send('GET', '/stream', [bearer])
      expectEqual([stream.status, stream.body], [200, 'one two three'], 'stream')
      for (const [response, left] of [
        [away, '99'],
        [stream, '98'],
      ] as const) {
        expectRequestId(response)
        expectEqual(response.field('x-ratelimit-remaining'), left, 'X-RateLimit-Remaining')
      }
      site.expectRuns(2)
    },
  ),
  adapterCase('reads attribution from the bytes of headers as UTF-8', {}, async (site) => {
    const { attribution } = (
      await site.getWithKey(
        `X-Title: ${latin1('Grüße 🎬\u200b')}`,
        'HTTP-Referer: https://user:pw@app.example/a#b',
        'Referer: https://other.example/',
        'X-App-Name: app',
        'X_Title: no',
      )
    ).json() as { attribution: unknown }
    expectEqual(
      attribution,
      { referer: 'https://app.example/a', title: 'Grüße 🎬', applicationName: 'app' },
      'attribution',
    )
    site.expectRuns(1)
  }),
  adapterCase(
    'says who a request comes from, and throws where nobody asked',
    { routes: [{ ...open, handle: (_, identity) => ({ json: identity().keyId }) }] },
    async (site) => {
      const { keyId, owner } = (await site.getWithKey()).json() as { keyId: string; owner: string }
      expectEqual([keyId, owner], [site.key.id, 'test'], 'identity')
      expectRefusal(
        await site.send('GET', '/open', [`Authorization: Bearer ${site.key.apiKey}`]),
        500,
        'internal_error',
      )
      site.expectRuns(2)
    },
  ),
]

/** Text as the bytes of its UTF-8, one character each. */
function latin1(text: string): string {
  return String.fromCharCode(...new TextEncoder().encode(text))
}
