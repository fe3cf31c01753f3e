import { ConfigError } from '../model/errors.ts'
import type { Profile } from './profile.ts'

// Names of fields (RFC 9110 section 5.1), without the underscore that proxies drop or turn into a hyphen.
const HEADER_NAME = /^[A-Za-z0-9!#$%&'*+.^`|~-]{1,64}$/

/**
 * Checks a profile whose types may not have been checked by a compiler.
 *
 * @throws {ConfigError} For the first rule that is broken.
 */
export function checkProfile(profile: Profile): void {
  const { name, keyFormat, requestId, rateLimitHeaders, realm } = profile
  demand(isText(name, 64), 'name', 'must have 1 to 64 characters')
  const isFormat = [keyFormat?.make, keyFormat?.recognises, keyFormat?.start].every(
    (part) => typeof part === 'function',
  )
  demand(isFormat, 'keyFormat', 'must be made by createKeyFormat, or have make, recognises and start')
  demand(isHeaderName(requestId.header), 'requestId.header', 'must be a header name')
  demand(
    typeof requestId.prefix === 'string' && /^[A-Za-z0-9._-]{0,64}$/.test(requestId.prefix),
    'requestId.prefix',
    'must have at most 64 characters of letters, digits, ., _ and -',
  )
  demand(typeof requestId.keepIncoming === 'boolean', 'requestId.keepIncoming', 'must be true or false')
  demand(typeof profile.body === 'function', 'body', 'must be a function from an error to what is sent as JSON')
  demand(
    ['x', 'draft-10', 'both', 'none'].includes(rateLimitHeaders),
    'rateLimitHeaders',
    "must be 'x', 'draft-10', 'both' or 'none'",
  )
  demand(
    typeof realm === 'string' && /^[\x20\x21\x23-\x5b\x5d-\x7e]{1,128}$/.test(realm),
    'realm',
    'must have 1 to 128 printable ASCII characters without " and \\',
  )
  checkAnswers(profile.answers)
  checkAttribution(profile.attribution)
}

function checkAnswers(answers: Profile['answers']): void {
  for (const [key, { status, code, type, message }] of Object.entries(answers)) {
    const isStatus = Number.isInteger(status) && status >= 400 && status <= 599
    demand(isStatus, `answers.${key}.status`, 'must be a whole number from 400 to 599')
    demand(isText(code, 64), `answers.${key}.code`, 'must have 1 to 64 characters')
    demand(isText(type, 64), `answers.${key}.type`, 'must have 1 to 64 characters')
    demand(isText(message, 1000), `answers.${key}.message`, 'must have 1 to 1,000 characters')
  }
}

function checkAttribution(attribution: Profile['attribution']): void {
  for (const part of ['referer', 'title', 'applicationName'] as const) {
    const names = attribution[part]
    const isList = Array.isArray(names) && names.every(isHeaderName)
    demand(isList, `attribution.${part}`, 'must be a list of header names, without underscores')
  }
}

function isHeaderName(name: unknown): name is string {
  return typeof name === 'string' && HEADER_NAME.test(name)
}

function isText(value: unknown, mostCharacters: number): boolean {
  return typeof value === 'string' && value.length > 0 && value.length <= mostCharacters
}

function demand(holds: boolean, option: string, rule: string): void {
  if (!holds) throw new ConfigError(`profile.${option} ${rule}.`)
}
