import type { AttributionHeaders } from '../attribution/attribution.ts'
import { createKeyFormat, type KeyFormat } from '../credential/key-format.ts'
import { ConfigError, type InputIssue } from '../model/errors.ts'
import { checkProfile } from './check-profile.ts'
import type { RequestIdOptions } from './request-id.ts'
import { type Answer, type DenialCode, STANDARD_ANSWERS } from './standard-answers.ts'

/** A named wire format: what keys look like, and what an API's answers look like. */
export interface Profile {
  readonly name: string
  readonly keyFormat: KeyFormat
  /** The header that carries the request id, both ways, and how ids are made. */
  readonly requestId: RequestIdOptions & { readonly header: string }
  /** Status, code, type and message for every denial: a total table. */
  readonly answers: Readonly<Record<DenialCode, Answer>>
  /** The envelope: makes of an error what is sent as JSON. */
  body(error: WireError): unknown
  /** `x`: `X-RateLimit-*`; `draft-10`: `RateLimit` and `RateLimit-Policy` of draft-ietf-httpapi-ratelimit-headers-10. */
  readonly rateLimitHeaders: 'x' | 'draft-10' | 'both' | 'none'
  readonly attribution: AttributionHeaders
  /** Realm of every challenge: 1 to 128 printable ASCII characters without `"` and `\`. */
  readonly realm: string
}

/** An error as a profile's envelope is given it. */
export interface WireError extends Answer {
  readonly requestId: string
  readonly issues: readonly InputIssue[] | undefined
}

/** What a profile does otherwise than its base. */
export interface ProfileChanges {
  readonly name?: string
  readonly keyFormat?: KeyFormat
  readonly requestId?: Partial<Profile['requestId']>
  /** Answers by code, each in part or whole; or a function that is given each code and the base's answer. */
  readonly answers?:
    | { readonly [Code in DenialCode]?: Partial<Answer> }
    | ((code: DenialCode, answer: Answer) => Partial<Answer>)
  readonly body?: Profile['body']
  readonly rateLimitHeaders?: Profile['rateLimitHeaders']
  readonly attribution?: Partial<AttributionHeaders>
  readonly realm?: string
}

/**
 * Makes a profile of another one and what is to differ.
 *
 * @throws {ConfigError} When a change breaks a rule, such as a status outside of 400 to 599 or a header name that is none.
 */
export function createProfile(base: Profile, changes: ProfileChanges): Profile {
  const profile: Profile = {
    ...base,
    ...changes,
    requestId: { ...base.requestId, ...changes.requestId },
    answers: changeAnswers(base.answers, changes.answers ?? {}),
    attribution: { ...base.attribution, ...changes.attribution },
  }
  checkProfile(profile)
  const { referer, title, applicationName } = profile.attribution
  const attribution = {
    referer: referer.map(lowerCase),
    title: title.map(lowerCase),
    applicationName: applicationName.map(lowerCase),
  }
  return { ...profile, attribution }
}

/** The profile of an API that has no opinion: `sk_` keys with a checksum, `X-RateLimit-*`, ids `req_<uuid>`. */
export const defaultProfile: Profile = {
  name: 'default',
  keyFormat: createKeyFormat({ prefix: 'sk_' }),
  requestId: { header: 'X-Request-Id', prefix: 'req_', keepIncoming: false },
  answers: STANDARD_ANSWERS,
  body: ({ type, code, message, requestId, issues }) => ({
    error: { type, code, message, request_id: requestId, issues },
  }),
  rateLimitHeaders: 'x',
  attribution: {
    referer: ['http-referer', 'referer'],
    title: ['x-title'],
    applicationName: ['x-application-name', 'x-app-name'],
  },
  realm: 'api',
}

function changeAnswers(
  answers: Profile['answers'],
  changes: NonNullable<ProfileChanges['answers']>,
): Profile['answers'] {
  const unknown = Object.keys(changes).find((code) => !Object.hasOwn(answers, code))
  if (unknown !== undefined) throw new ConfigError(`profile.answers.${unknown} must be a denial code.`)
  const changed = { ...answers }
  for (const code of Object.keys(answers) as DenialCode[]) {
    const answer = answers[code]
    changed[code] = { ...answer, ...(typeof changes === 'function' ? changes(code, answer) : changes[code]) }
  }
  return changed
}

function lowerCase(text: string): string {
  return text.toLowerCase()
}
