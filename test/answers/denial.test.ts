import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { acceptsProblem, createDenial, type Denial } from '../../src/answers/denial.ts'
import { pipevideo } from '../../src/answers/pipevideo.ts'
import { createProfile, defaultProfile } from '../../src/answers/profile.ts'
import { DENIAL_CODES, type DenialCode } from '../../src/answers/standard-answers.ts'

const requestId = 'req_1'

function header(denial: Denial, name: string): string | undefined {
  const values = denial.headers.filter(([each]) => each.toLowerCase() === name.toLowerCase())
  expect(values.length).toBeLessThan(2)
  return values[0]?.[1]
}

/** Status and code on the wire, written out by hand from DESIGN section 4. */
const DEFAULT_ANSWERS: Readonly<Record<DenialCode, readonly [number, string, string?]>> = {
  missing_authorization_header: [401, 'invalid_request_error'],
  malformed_authorization_header: [401, 'invalid_request_error'],
  invalid_api_key_format: [401, 'invalid_request_error', 'invalid_api_key'],
  invalid_api_key: [401, 'invalid_request_error'],
  invalid_session_token: [401, 'invalid_request_error'],
  invalid_signature: [401, 'invalid_request_error'],
  insufficient_credits: [402, 'invalid_request_error'],
  insufficient_scope: [403, 'invalid_request_error'],
  address_not_allowed: [403, 'invalid_request_error'],
  forbidden: [403, 'invalid_request_error'],
  not_found: [404, 'invalid_request_error'],
  method_not_allowed: [405, 'invalid_request_error'],
  idempotency_key_mismatch: [409, 'invalid_request_error'],
  idempotency_in_progress: [409, 'invalid_request_error'],
  idempotency_not_replayable: [409, 'invalid_request_error'],
  conflict: [409, 'invalid_request_error'],
  precondition_failed: [412, 'invalid_request_error'],
  payload_too_large: [413, 'invalid_request_error'],
  unsupported_media_type: [415, 'invalid_request_error'],
  bad_request: [400, 'invalid_request_error'],
  idempotency_key_required: [400, 'invalid_request_error'],
  invalid_idempotency_key: [400, 'invalid_request_error'],
  validation_failed: [422, 'invalid_request_error'],
  rate_limit_exceeded: [429, 'rate_limit_error'],
  too_many_failed_attempts: [429, 'rate_limit_error'],
  internal_error: [500, 'api_error'],
  service_unavailable: [503, 'api_error'],
}

describe('a denial in the default profile', () => {
  it.each(DENIAL_CODES)('%s has its status, code and type in the envelope, and the headers of every denial', (code) => {
    const [status, type, wireCode = code] = DEFAULT_ANSWERS[code]
    const denial = createDenial(defaultProfile, code, { requestId })
    expect(denial).toMatchObject({ denied: true, code, status, requestId })
    expect(JSON.parse(denial.body)).toEqual({
      error: { type, code: wireCode, message: defaultProfile.answers[code].message, request_id: requestId },
    })
    expect(header(denial, 'content-type')).toBe('application/json; charset=utf-8')
    expect(header(denial, 'cache-control')).toBe('no-store')
    expect(header(denial, 'x-content-type-options')).toBe('nosniff')
    expect(header(denial, 'x-request-id')).toBe(requestId)
    expect(header(denial, 'www-authenticate')?.startsWith('Bearer realm="api"')).toBe(
      status === 401 || code === 'insufficient_scope' ? true : undefined,
    )
    expect(header(denial, 'retry-after')).toBe(status === 503 ? '1' : undefined)
  })

  it('1: says exactly what Pi says when the header is missing, with a challenge without an error', () => {
    const denial = createDenial(defaultProfile, 'missing_authorization_header', { requestId })
    expect(denial.body).toBe(
      '{"error":{"type":"invalid_request_error","code":"missing_authorization_header","message":"Missing Authorization header. Use Bearer <api_key>.","request_id":"req_1"}}',
    )
    expect(header(denial, 'www-authenticate')).toBe('Bearer realm="api"')
  })

  it('gives every other 401 the error invalid_token', () => {
    for (const code of DENIAL_CODES) {
      const denial = createDenial(defaultProfile, code, { requestId })
      if (denial.status !== 401 || code === 'missing_authorization_header') continue
      expect(header(denial, 'www-authenticate')).toBe('Bearer realm="api", error="invalid_token"')
    }
  })

  it('shows a broken format exactly as it shows an unknown key', () => {
    const [format, unknown] = (['invalid_api_key_format', 'invalid_api_key'] as const).map((code) => {
      const { status, headers, body } = createDenial(defaultProfile, code, { requestId })
      return { status, headers, body }
    })
    expect(format).toEqual(unknown)
  })

  it('27: names the scopes that were needed', () => {
    const denial = createDenial(defaultProfile, 'insufficient_scope', {
      requestId,
      scopes: ['tasks:read', 'tasks:write'],
    })
    expect(header(denial, 'www-authenticate')).toBe(
      'Bearer realm="api", error="insufficient_scope", scope="tasks:read tasks:write"',
    )
  })

  it('26: lets no scope out of its quotes', () => {
    const scopes = ['a"', 'b\\', 'c d', '', '🔑', 'e\r\nX-Evil: 1', 'good']
    const denial = createDenial(defaultProfile, 'insufficient_scope', { requestId, scopes })
    expect(header(denial, 'www-authenticate')).toBe('Bearer realm="api", error="insufficient_scope", scope="good"')
    const none = createDenial(defaultProfile, 'insufficient_scope', { requestId, scopes: ['"'] })
    expect(header(none, 'www-authenticate')).toBe('Bearer realm="api", error="insufficient_scope"')
  })

  it.each([
    [0, '1'],
    [0.2, '1'],
    [1, '1'],
    [59.01, '60'],
    [Number.POSITIVE_INFINITY, undefined],
    [undefined, undefined],
  ])('sends Retry-After for %s seconds as %s', (retryAfterSeconds, expected) => {
    const denial = createDenial(defaultProfile, 'rate_limit_exceeded', { requestId, retryAfterSeconds })
    expect(header(denial, 'retry-after')).toBe(expected)
  })

  it('sends Allow, further headers, issues and a message of its own', () => {
    const denial = createDenial(defaultProfile, 'validation_failed', {
      requestId,
      allow: ['GET', 'POST'],
      headers: [['X-RateLimit-Limit', '100']],
      issues: [{ path: ['name'], message: 'must not be empty' }],
      message: 'The name is empty.',
    })
    expect(header(denial, 'allow')).toBe('GET, POST')
    expect(header(denial, 'x-ratelimit-limit')).toBe('100')
    expect(JSON.parse(denial.body).error).toMatchObject({
      message: 'The name is empty.',
      issues: [{ path: ['name'], message: 'must not be empty' }],
    })
  })
})

describe('a denial in Pipevideo', () => {
  it('is exactly its 429', () => {
    const denial = createDenial(pipevideo, 'rate_limit_exceeded', { requestId, retryAfterSeconds: 12 })
    expect(denial).toMatchObject({ status: 429, code: 'rate_limit_exceeded' })
    expect(denial.body).toBe(
      '{"error":{"code":"RATE_LIMIT_EXCEEDED","message":"Rate limit exceeded. Please try again later."}}',
    )
    expect(header(denial, 'retry-after')).toBe('12')
    expect(header(denial, 'x-request-id')).toBe(requestId)
  })

  it.each(DENIAL_CODES)('%s has two fields and an upper-case code', (code) => {
    const { error } = JSON.parse(createDenial(pipevideo, code, { requestId }).body)
    expect(Object.keys(error)).toEqual(['code', 'message'])
    expect(error.code).toBe((DEFAULT_ANSWERS[code][2] ?? code).toUpperCase())
  })
})

describe('problem details', () => {
  it.each(DENIAL_CODES)('28: of %s have the status of the answer, its code and its id', (code) => {
    for (const profile of [defaultProfile, pipevideo]) {
      const denial = createDenial(profile, code, { requestId, acceptsProblem: true })
      expect(header(denial, 'content-type')).toBe('application/problem+json')
      const { code: wireCode, status, message } = profile.answers[code]
      expect(JSON.parse(denial.body)).toEqual({
        type: 'about:blank',
        title: expect.stringMatching(/^[A-Z][A-Za-z ]+$/),
        status,
        detail: message,
        code: wireCode,
        request_id: requestId,
      })
      expect(denial.headers.slice(1)).toEqual(createDenial(profile, code, { requestId }).headers.slice(1))
    }
  })

  it('point to the fields that break a rule', () => {
    const issues = [
      { path: ['windows', 0, 'a/b~c d'], message: 'must be a number' },
      { path: [], message: 'is too large' },
    ]
    const denial = createDenial(defaultProfile, 'validation_failed', { requestId, acceptsProblem: true, issues })
    expect(JSON.parse(denial.body).errors).toEqual([
      { detail: 'must be a number', pointer: '#/windows/0/a~1b~0c%20d' },
      { detail: 'is too large', pointer: '#' },
    ])
  })

  it.each([
    ['application/problem+json', true],
    ['Application/Problem+JSON', true],
    ['application/problem+json; charset=utf-8', true],
    ['application/json, application/problem+json', true],
    ['application/json;q=0.5, application/problem+json;q=0.9', true],
    ['text/html, application/problem+json ; q=0.1', true],
    ['application/json, application/problem+json;q=0.5', false],
    ['application/problem+json;q=0', false],
    ['application/problem+json;q=none', false],
    ['application/json', false],
    ['application/problem+xml', false],
    ['application/problem+jsonx', false],
    ['*/*', false],
    ['application/*', false],
    ['', false],
    [undefined, false],
  ])('are what Accept: %s asks for: %s', (accept, expected) => {
    expect(acceptsProblem(accept)).toBe(expected)
  })

  it('are decided without throwing, whatever Accept holds', () => {
    const piece = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.constantFrom('application/problem+json', ',', ';', 'q=', '1'),
    )
    fc.assert(
      fc.property(fc.array(piece), (pieces) => {
        expect(typeof acceptsProblem(pieces.join(''))).toBe('boolean')
      }),
    )
    expect(acceptsProblem(`${';,'.repeat(50_000)}application/problem+json`)).toBe(true)
  })
})

describe('any denial', () => {
  it('29: goes over the wire as it stands, on every profile', async () => {
    const custom = createProfile(pipevideo, { realm: 'Pipe (video)', requestId: { header: 'Request-Id' } })
    const denials = DENIAL_CODES.flatMap((code) =>
      [defaultProfile, pipevideo, custom].map((profile) =>
        createDenial(profile, code, { requestId, scopes: ['a:b'], retryAfterSeconds: 3 }),
      ),
    )
    const server = createServer((request, response) => {
      const denial = denials[Number(request.url?.slice(1))]!
      response.writeHead(denial.status, Object.fromEntries(denial.headers)).end(denial.body)
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    for (const [at, denial] of denials.entries()) {
      const response = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/${at}`)
      expect(response.status).toBe(denial.status)
      for (const [name, value] of denial.headers) expect(response.headers.get(name)).toBe(value)
      expect(await response.text()).toBe(denial.body)
    }
    server.close()
  })
})
