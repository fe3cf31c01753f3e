import { describe, expect, it } from 'vitest'
import { createDenial } from '../../src/answers/denial.ts'
import { pipevideo } from '../../src/answers/pipevideo.ts'
import { pptVideo } from '../../src/answers/ppt-video.ts'
import { createProfile, defaultProfile, type ProfileChanges } from '../../src/answers/profile.ts'
import { DENIAL_CODES } from '../../src/answers/standard-answers.ts'
import { videogen } from '../../src/answers/videogen.ts'
import { createKeyFormat } from '../../src/credential/key-format.ts'
import { ConfigError } from '../../src/model/errors.ts'

const requestId = 'req_1'

describe('a profile of ones own', () => {
  it('answers as VideoGen does: one field, whatever the 401', () => {
    const videogen = createProfile(defaultProfile, {
      name: 'videogen',
      keyFormat: createKeyFormat({ prefix: 'vg_key_' }),
      answers: (_, { status }) => (status === 401 ? { message: 'Unauthorized' } : {}),
      body: ({ message }) => ({ message }),
    })
    for (const code of DENIAL_CODES) {
      const denial = createDenial(videogen, code, { requestId })
      if (denial.status === 401) expect(denial.body).toBe('{"message":"Unauthorized"}')
    }
  })

  it('answers as VisionPipe does: three 401s and a 402 of its own', () => {
    const visionpipe = createProfile(defaultProfile, {
      name: 'visionpipe',
      keyFormat: createKeyFormat({ prefix: 'vp_live_', alphabet: 'hex', checksum: false }),
      answers: {
        missing_authorization_header: { message: 'Missing or invalid Authorization header' },
        malformed_authorization_header: { message: 'Missing or invalid Authorization header' },
        invalid_api_key_format: { code: 'invalid_api_key_format', message: 'Invalid API key format' },
        invalid_api_key: { message: 'Invalid API key' },
        insufficient_credits: { message: 'Insufficient credits' },
      },
      body: ({ message }) => ({ success: false, error: message }),
    })
    const bodies = (['malformed_authorization_header', 'invalid_api_key_format', 'insufficient_credits'] as const).map(
      (code) => createDenial(visionpipe, code, { requestId }).body,
    )
    expect(bodies).toEqual([
      '{"success":false,"error":"Missing or invalid Authorization header"}',
      '{"success":false,"error":"Invalid API key format"}',
      '{"success":false,"error":"Insufficient credits"}',
    ])
    expect(visionpipe.answers.invalid_api_key.code).toBe('invalid_api_key')
  })

  it('keeps of its base what it does not change, and changes nothing in the base', () => {
    const before = JSON.stringify(defaultProfile)
    const pi = createProfile(defaultProfile, {
      name: 'pi',
      requestId: { prefix: 'req_pi_' },
      attribution: { title: ['X-Pi-Title', 'x-title'] },
      answers: { not_found: { status: 410 } },
    })
    expect(pi.requestId).toEqual({ header: 'X-Request-Id', prefix: 'req_pi_', keepIncoming: false })
    expect(pi.attribution).toEqual({ ...defaultProfile.attribution, title: ['x-pi-title', 'x-title'] })
    expect(pi.answers).toEqual({
      ...defaultProfile.answers,
      not_found: { ...defaultProfile.answers.not_found, status: 410 },
    })
    expect(pi.keyFormat).toBe(defaultProfile.keyFormat)
    expect(JSON.stringify(defaultProfile)).toBe(before)
  })

  it('has a total table of answers', () => {
    for (const profile of [defaultProfile, pipevideo]) expect(Object.keys(profile.answers)).toEqual(DENIAL_CODES)
  })

  const broken: readonly (readonly [string, unknown])[] = [
    ['name', { name: '' }],
    ['keyFormat', { keyFormat: { prefix: 'sk_' } }],
    ['keyFormat', { keyFormat: null }],
    ['requestId.header', { requestId: { header: 'X Request' } }],
    ['requestId.header', { requestId: { header: 'X_Request_Id' } }],
    ['requestId.prefix', { requestId: { prefix: 'req\r\n' } }],
    ['requestId.prefix', { requestId: { prefix: 'x'.repeat(65) } }],
    ['requestId.keepIncoming', { requestId: { keepIncoming: 1 } }],
    ['body', { body: {} }],
    ['rateLimitHeaders', { rateLimitHeaders: 'yes' }],
    ['realm', { realm: '"' }],
    ['realm', { realm: 'a\\' }],
    ['realm', { realm: '' }],
    ['realm', { realm: 'é' }],
    ['attribution.title', { attribution: { title: ['X Title'] } }],
    ['attribution.referer', { attribution: { referer: ['http_referer'] } }],
    ['attribution.applicationName', { attribution: { applicationName: 'x-app-name' } }],
    ['answers.no_such_code', { answers: { no_such_code: { status: 400 } } }],
    ['answers.not_found.status', { answers: { not_found: { status: 200 } } }],
    ['answers.not_found.status', { answers: { not_found: { status: 600 } } }],
    ['answers.not_found.status', { answers: { not_found: { status: 404.5 } } }],
    ['answers.not_found.code', { answers: { not_found: { code: '' } } }],
    ['answers.not_found.type', { answers: { not_found: { type: 7 } } }],
    ['answers.missing_authorization_header.message', { answers: () => ({ message: '' }) }],
  ]
  it.each(broken)('is refused at start when %s breaks its rule', (option, changes) => {
    const make = () => createProfile(defaultProfile, changes as ProfileChanges)
    expect(make).toThrow(ConfigError)
    expect(make).toThrow(`profile.${option} `)
  })
})

describe('Pipevideo', () => {
  it('has keys of pv_ and 64 characters of hex, and its own title header first', () => {
    expect(pipevideo.keyFormat.make()).toMatch(/^pv_[0-9a-f]{64}$/)
    expect(pipevideo.attribution).toEqual({
      referer: ['http-referer', 'referer'],
      title: ['x-pipevideo-title', 'x-title'],
      applicationName: ['x-application-name', 'x-app-name'],
    })
  })
})

describe('the profiles of ppt.video and VideoGen', () => {
  it('make keys of their own', () => {
    expect(pptVideo.keyFormat.make()).toMatch(/^ppt_[0-9A-Za-z]{49}$/)
    expect(videogen.keyFormat.make()).toMatch(/^vg_key_[0-9A-Za-z]{49}$/)
    expect(videogen.keyFormat.recognises(pptVideo.keyFormat.make())).toBe(false)
  })

  it('answer every 401 of VideoGen with one word, and every error with one field', () => {
    for (const code of DENIAL_CODES) {
      const denial = createDenial(videogen, code, { requestId })
      if (denial.status === 401) expect(denial.body).toBe('{"message":"Unauthorized"}')
      expect(Object.keys(JSON.parse(denial.body))).toEqual(['message'])
    }
  })

  it('answer 422 of ppt.video in the default envelope, with the field', () => {
    const issues = [{ path: ['prompt'], message: 'must not be empty' }]
    const { error } = JSON.parse(createDenial(pptVideo, 'validation_failed', { requestId, issues }).body)
    expect(error).toMatchObject({ code: 'validation_failed', request_id: requestId, issues })
  })
})
