import { describe, expect, it } from 'vitest'
import * as z from 'zod'
import { codeOfError, inputIssues, issuesOfError } from '../../src/answers/error-code.ts'
import {
  ConfigError,
  ForbiddenError,
  InvalidInputError,
  NotFoundError,
  StoreConflictError,
  StoreUnavailableError,
} from '../../src/model/errors.ts'

const failing = (members: object) => Object.assign(new Error('secret-detail'), members)

describe('the code for something thrown', () => {
  it.each([
    [new InvalidInputError([]), 'validation_failed'],
    [new ForbiddenError(''), 'forbidden'],
    [new NotFoundError(''), 'not_found'],
    [new StoreConflictError(''), 'conflict'],
    [new StoreConflictError('', 'precondition_failed'), 'precondition_failed'],
    [new StoreUnavailableError(''), 'service_unavailable'],
    [new ConfigError(''), 'internal_error'],
  ])('is the one of an error of the library: %s', (error, code) => {
    expect(codeOfError(error)).toBe(code)
  })

  it.each([
    [400, 'bad_request'],
    [403, 'forbidden'],
    [404, 'not_found'],
    [405, 'method_not_allowed'],
    [408, 'bad_request'],
    [409, 'conflict'],
    [412, 'precondition_failed'],
    [413, 'payload_too_large'],
    [415, 'unsupported_media_type'],
    [422, 'validation_failed'],
    [499, 'bad_request'],
    [500, 'internal_error'],
    [502, 'internal_error'],
    [503, 'service_unavailable'],
    [200, 'internal_error'],
    [Number.NaN, 'internal_error'],
    ['404', 'internal_error'],
  ])('follows the status %s, under either name', (status, code) => {
    expect(codeOfError(failing({ status }))).toBe(code)
    expect(codeOfError(failing({ statusCode: status }))).toBe(code)
  })

  it.each([
    [401, 'invalid_api_key'],
    [402, 'insufficient_credits'],
    [429, 'rate_limit_exceeded'],
  ])(
    'believes a %i only from errors that are made to be shown, not from a client of another service',
    (status, code) => {
      expect(codeOfError(failing({ status }))).toBe('internal_error')
      expect(codeOfError(failing({ statusCode: status, expose: false }))).toBe('internal_error')
      expect(codeOfError(failing({ status, expose: true }))).toBe(code)
      expect(codeOfError(failing({ status, getResponse: () => new Response() }))).toBe(code)
      expect(codeOfError(failing({ statusCode: status, code: 'FST_ERR_X' }))).toBe(code)
    },
  )

  it.each([undefined, null, 'text', 404, Symbol('x'), new Error('x'), new SyntaxError('x'), {}, () => 404])(
    'is internal_error for whatever else may be thrown: %s',
    (thrown) => {
      expect(codeOfError(thrown)).toBe('internal_error')
    },
  )

  it('is validation_failed for broken rules of zod and of Fastify', () => {
    expect(codeOfError(z.string().safeParse(1).error)).toBe('validation_failed')
    expect(codeOfError(failing({ statusCode: 400, code: 'FST_ERR_VALIDATION', validation: [] }))).toBe(
      'validation_failed',
    )
    expect(codeOfError(failing({ issues: ['text'] }))).toBe('internal_error')
  })
})

describe('the issues of something thrown', () => {
  it('are path and message of each, and nothing else of it', () => {
    const { error } = z.object({ prompts: z.array(z.string().min(2)) }).safeParse({ prompts: ['ab', 'a'] })
    const [issue, ...others] = issuesOfError(error) ?? []
    expect(issue?.path).toEqual(['prompts', 1])
    expect(Object.keys(issue ?? {})).toEqual(['path', 'message'])
    expect(others).toEqual([])
  })

  it('are read from Ajv, whose paths are JSON Pointers', () => {
    const validation = [{ instancePath: '/a~1b/0', message: 'must be string' }, {}]
    expect(issuesOfError(failing({ validation }))).toEqual([
      { path: ['a/b', '0'], message: 'must be string' },
      { path: [], message: 'is not valid' },
    ])
  })

  it('may have steps of Standard Schema and symbols in their paths, or no path', () => {
    const issues = [{ path: [{ key: 'a' }, 0, Symbol('s')], message: 'x' }, { message: 'y' }]
    expect(inputIssues(issues)).toEqual([
      { path: ['a', 0, 'Symbol(s)'], message: 'x' },
      { path: [], message: 'y' },
    ])
  })

  it('are none where nothing has issues', () => {
    for (const thrown of [undefined, null, 'text', new Error('x'), { issues: 1 }])
      expect(issuesOfError(thrown)).toBeUndefined()
  })
})
