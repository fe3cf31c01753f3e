import { type ClientOptions, createClient } from 'keyward/client'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { API_KEY } from './caller.ts'

const good: ClientOptions = { baseUrl: 'https://api.example.com', apiKey: API_KEY }

describe('the options of a client', () => {
  afterEach(() => vi.unstubAllEnvs())

  const wrong: readonly (readonly [string, object])[] = [
    ['baseUrl: must be an http or https address', { baseUrl: 'api.example.com' }],
    ['baseUrl: must be an http or https address', { baseUrl: 'file:///etc' }],
    ['baseUrl: must have no query or user info', { baseUrl: 'https://name:secret@api.example.com' }],
    ['baseUrl: must have no query or user info', { baseUrl: 'https://api.example.com?key=secret' }],
    ['apiKey: must have 1 to 4,096 printable ASCII characters and no spaces', { apiKey: 'two secrets' }],
    ['apiKey: must have 1 to 4,096 printable ASCII characters and no spaces', { apiKey: 'secret\n' }],
    ['apiKey: must be given, or be in the environment variable API_KEY', { apiKey: '' }],
    ['apiKeyVariable: must be a name', { apiKeyVariable: 'not a name' }],
    ['app.title: must have 1 to 2,048 characters, without control characters', { app: { title: 'a\r\nb: c' } }],
    ['app.name: must have 1 to 2,048 characters, without control characters', { app: { name: '' } }],
    ['app.url: must be an http or https address', { app: { url: 'javascript:secret' } }],
    ['app: has no titel', { app: { titel: 'secret' } }],
    ['retry.maxRetries: must be a whole number from 0 to 10', { retry: { maxRetries: 11 } }],
    ['retry.maxWaitSeconds: must be a whole number from 0 to 3600', { retry: { maxWaitSeconds: 0.5 } }],
    ['retry: has no attempts', { retry: { attempts: 1 } }],
    ['idempotencyKeys: must be true or false', { idempotencyKeys: 'off' }],
    ['timeoutSeconds: must be a whole number from 1 to 3600', { timeoutSeconds: 3_601 }],
    ['runtime.fetch: must be a function', { runtime: { fetch: 'secret' } }],
    ['options: has no baseURL', { baseURL: 'https://api.example.com' }],
  ]

  it.each(wrong)('are checked when it is made: %s', (message, options) => {
    expect(() => createClient({ ...good, ...options })).toThrow(new TypeError(message))
  })

  it('name the variable that is missing', () => {
    vi.stubEnv('VIDEOGEN_API_KEY', undefined)
    const options = { baseUrl: 'https://api.example.com', apiKeyVariable: 'VIDEOGEN_API_KEY' }
    const message = 'apiKey: must be given, or be in the environment variable VIDEOGEN_API_KEY'
    expect(() => createClient(options)).toThrow(new TypeError(message))
    vi.stubEnv('VIDEOGEN_API_KEY', '')
    expect(() => createClient(options)).toThrow(new TypeError(message))
  })
})
