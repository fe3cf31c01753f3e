import * as z from 'zod'
import { type Observer, tell } from '../events.ts'
import { judgeRecord } from '../keys/judge.ts'
import { isKeyId } from '../keys/key-id.ts'
import { checkInput, scopeName } from '../keys/key-input.ts'
import { checkGrant, type ManageContext, ownerOf } from '../model/actor.ts'
import { ConfigError, ForbiddenError, InvalidInputError, InvalidKeyError } from '../model/errors.ts'
import type { KeyRecord } from '../model/key-record.ts'
import type { KeyStore } from '../model/key-store.ts'
import type { JsonWebKeySet, SessionSigner } from '../model/session-signer.ts'
import { MAX_TOKEN_CHARACTERS } from './session-reader.ts'

const DEFAULT_TTL_SECONDS = 900

/** The key that a token shall stand for: its id, or the identity that a handler was given. */
export interface SessionSubject {
  readonly keyId: string
  /** The token that an identity came by: no token is minted from another. */
  readonly session?: { readonly id: string } | null | undefined
}

/** What a token is good for. */
export interface MintOptions {
  /**
   * How long, in seconds: a whole number of at least 1; default 900. Cut to the `maxTtlSeconds` of `sessions(…)`, and to the
   * end of the key.
   */
  readonly ttlSeconds?: number | undefined
  /** Scopes that it is narrowed to, all of them the key's. Default: those that the key has now. */
  readonly scopes?: readonly string[] | undefined
}

/** A session token that was just minted: the only place where it is ever shown. */
export interface MintedSession {
  readonly token: string
  /** Instant from which it is no longer good. */
  readonly expiresAt: Date
  /** Id of the token (`jti`). Safe to log. */
  readonly id: string
}

/** Mints session tokens: short-lived, and good in place of their key where a route accepts them. */
export interface Sessions {
  /**
   * Mints a token from a key that is good now. It shares the key's limits and credits, and dies with it.
   *
   * @throws {InvalidKeyError} When the key is unknown, not the actor's, revoked, disabled, expired, not yet valid, or
   * good for other audiences only.
   * @throws {ForbiddenError} For scopes that the key or the actor does not have, and for an identity that itself came by
   * a token.
   * @throws {InvalidInputError} When an option breaks its rule, or the scopes make the token longer than 8,192 characters.
   * @throws {ConfigError} Where no `sessions` were given to `createKeyward`.
   * @throws {StoreUnavailableError} When the store fails.
   */
  mint(subject: SessionSubject, options?: MintOptions, context?: ManageContext): Promise<MintedSession>
  /** The public keys by which others check tokens that are signed with EdDSA; none for HS256. @throws {ConfigError} As `mint`. */
  jwks(): Promise<JsonWebKeySet>
}

/** What the room is given by the composition. */
export interface SessionsRooms {
  readonly signer: SessionSigner | undefined
  readonly store: KeyStore
  /** This deployment's audience: a key that is not good here mints nothing. */
  readonly audience: string | undefined
  readonly observer: Observer | undefined
  /** Opens the store. */
  readonly ready: () => Promise<void>
}

const mintInput = z.strictObject({
  ttlSeconds: z.int('must be a whole number').min(1, 'must be at least 1').default(DEFAULT_TTL_SECONDS),
  scopes: z
    .array(scopeName)
    .max(100, 'must have at most 100 entries')
    .transform((scopes) => [...new Set(scopes)])
    .optional(),
})

/** Creates the room. */
export function createSessions({ signer, store, audience, observer, ready }: SessionsRooms): Sessions {
  /** Read anew each time: minting is no hot path, and a token shall not begin with what was true a minute ago. */
  async function findGoodKey(keyId: string, context: ManageContext | undefined): Promise<KeyRecord> {
    await ready()
    const record = isKeyId(keyId) ? await store.findById(keyId) : undefined
    // From where the key may be used is judged when the token is.
    const asked = { scopes: [], audience, address: undefined, owner: ownerOf(context?.actor) }
    if (record === undefined || judgeRecord({ ...record, addresses: [] }, asked, store.clock.now()) !== undefined)
      throw new InvalidKeyError('A session token can be minted only from a key that is good.')
    return record
  }

  return {
    async mint(subject, options = {}, context) {
      if (signer === undefined) throw noSessions()
      if (subject.session) throw new ForbiddenError('A session token cannot be minted by means of another.')
      const { ttlSeconds, scopes: wanted } = checkInput(mintInput, options)
      const record = await findGoodKey(subject.keyId, context)
      const scopes = wanted ?? record.scopes
      if (!scopes.every((scope) => record.scopes.includes(scope)))
        throw new ForbiddenError('A session token cannot have scopes that its key does not have.')
      checkGrant(context?.actor, scopes)

      const now = store.clock.now()
      const issuedAt = new Date(Math.floor(now / 1_000) * 1_000)
      const expiresAt = endOf(record, issuedAt, Math.min(ttlSeconds, signer.maxTtlSeconds))
      const id = `session_${crypto.randomUUID()}`
      const { id: keyId, owner } = record
      const token = await signer.sign({ id, owner, keyId, scopes, expiresAt }, issuedAt)
      if (token.length > MAX_TOKEN_CHARACTERS)
        throw new InvalidInputError([{ path: ['scopes'], message: 'are too many for a token: name fewer' }])
      tell(observer, { type: 'minted', sessionId: id, keyId, owner, actor: context?.actor?.id ?? null, expiresAt })
      return { token, expiresAt, id }
    },
    async jwks() {
      if (signer === undefined) throw noSessions()
      return signer.jwks()
    },
  }
}

/** The end of a token, in whole seconds: never after that of its key. */
function endOf({ expiresAt }: KeyRecord, issuedAt: Date, ttlSeconds: number): Date {
  const endsAt = issuedAt.getTime() + ttlSeconds * 1_000
  const lastMs = expiresAt === null ? endsAt : Math.min(endsAt, expiresAt.getTime())
  return new Date(Math.floor(lastMs / 1_000) * 1_000)
}

function noSessions(): ConfigError {
  return new ConfigError("createKeyward.sessions: must be given for session tokens: sessions(…) of 'keyward/sessions'")
}
