import { generateKeyPairSync } from 'node:crypto'
import { ConfigError, createKeyward, memory } from 'keyward'
import { type SessionsOptions, type SigningKey, sessions } from 'keyward/sessions'
import { describe, expect, it } from 'vitest'
import { outcomeOf } from '../visit.ts'
import { pair, SECRET, sessionKeyward, signingKeys, takeApart } from './session-kit.ts'

const pem = {
  private: pair.privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
  public: pair.publicKey.export({ type: 'spki', format: 'pem' }) as string,
}
const jwk = pair.privateKey.export({ format: 'jwk' }) as { kty: string; crv: string; x: string; d: string }
const { d: _d, ...publicJwk } = jwk
const other = generateKeyPairSync('ed25519').publicKey.export({ format: 'jwk' }) as { x: string }
const rsa = generateKeyPairSync('rsa', { modulusLength: 2_048 }).privateKey.export({ type: 'pkcs8', format: 'pem' })
const p256 = generateKeyPairSync('ec', { namedCurve: 'P-256' })

const begin = (options: unknown) => () =>
  sessions({ issuer: 'i', audience: 'a', signingKeys: [signingKeys.HS256], ...(options as Partial<SessionsOptions>) })

describe('sessions()', () => {
  it('264: refuses a secret of 31 bytes, takes one of 32, and counts bytes, not characters', () => {
    expect(begin({ signingKeys: [{ kid: 'a', secret: 'x'.repeat(31) }] })).toThrow(
      new ConfigError('sessions.signingKeys.0.secret: must have at least 32 bytes'),
    )
    expect(begin({ signingKeys: [{ kid: 'a', secret: new Uint8Array(31) }] })).toThrow(ConfigError)
    expect(begin({ signingKeys: [{ kid: 'a', secret: 'x'.repeat(32) }] })).not.toThrow()
    expect(begin({ signingKeys: [{ kid: 'a', secret: new Uint8Array(32) }] })).not.toThrow()
    expect(begin({ signingKeys: [{ kid: 'a', secret: 'ä'.repeat(16) }] })).not.toThrow()
  })

  it.each<[string, unknown, string]>([
    ['no issuer', { issuer: '' }, 'sessions.issuer'],
    ['no audience', { audience: undefined }, 'sessions.audience'],
    ['a list as audience', { audience: ['a'] }, 'sessions.audience'],
    ['no signing keys', { signingKeys: [] }, 'sessions.signingKeys'],
    ['a key that is no list', { signingKeys: signingKeys.HS256 }, 'sessions.signingKeys'],
    [
      '17 keys',
      { signingKeys: Array.from({ length: 17 }, (_, at) => ({ kid: `${at}`, secret: SECRET })) },
      'sessions.signingKeys',
    ],
    ['one kid twice', { signingKeys: [signingKeys.HS256, signingKeys.HS256] }, 'sessions.signingKeys'],
    ['a kid with a space', { signingKeys: [{ kid: 'a b', secret: SECRET }] }, 'sessions.signingKeys.0.kid'],
    ['no kid', { signingKeys: [{ secret: SECRET }] }, 'sessions.signingKeys.0.kid'],
    [
      'a secret with a newline at its end',
      { signingKeys: [{ kid: 'a', secret: `${SECRET}\n` }] },
      'sessions.signingKeys.0.secret',
    ],
    [
      'a secret beside a private key',
      { signingKeys: [{ kid: 'a', secret: SECRET, privateKey: pem.private }] },
      'sessions.signingKeys.0',
    ],
    ['nothing to sign with', { signingKeys: [{ kid: 'a' }] }, 'sessions.signingKeys.0'],
    ['a public key in front', { signingKeys: [{ kid: 'a', publicKey: pem.public }] }, 'sessions.signingKeys.0'],
    ['an RSA key', { signingKeys: [{ kid: 'a', privateKey: rsa }] }, 'sessions.signingKeys.0.privateKey'],
    [
      'a P-256 key',
      { signingKeys: [{ kid: 'a', privateKey: p256.privateKey.export({ format: 'jwk' }) }] },
      'sessions.signingKeys.0.privateKey',
    ],
    [
      'a public key as the private one',
      { signingKeys: [{ kid: 'a', privateKey: pem.public }] },
      'sessions.signingKeys.0.privateKey',
    ],
    [
      'a public JWK as the private one',
      { signingKeys: [{ kid: 'a', privateKey: publicJwk }] },
      'sessions.signingKeys.0.privateKey',
    ],
    ['a key that is no text', { signingKeys: [{ kid: 'a', privateKey: 7 }] }, 'sessions.signingKeys.0.privateKey'],
    [
      'a private PEM as the public one',
      { signingKeys: [signingKeys.HS256, { kid: 'a', publicKey: pem.private }] },
      'sessions.signingKeys.1.publicKey',
    ],
    [
      'a P-256 public key',
      {
        signingKeys: [
          signingKeys.HS256,
          { kid: 'a', publicKey: p256.publicKey.export({ type: 'spki', format: 'pem' }) },
        ],
      },
      'sessions.signingKeys.1.publicKey',
    ],
    ['0 seconds at most', { maxTtlSeconds: 0 }, 'sessions.maxTtlSeconds'],
    ['1.5 seconds at most', { maxTtlSeconds: 1.5 }, 'sessions.maxTtlSeconds'],
    ['more than 30 days at most', { maxTtlSeconds: 2_592_001 }, 'sessions.maxTtlSeconds'],
  ])('refuses %s at once, and shows no key material', (_what, options, named) => {
    const refused = thrownBy(begin(options))
    expect(refused).toBeInstanceOf(ConfigError)
    expect((refused as Error).message.startsWith(`${named}:`), (refused as Error).message).toBe(true)
    for (const secret of [SECRET, jwk.d, pem.private]) expect((refused as Error).message).not.toContain(secret)
  })

  it.each<[string, SigningKey]>([
    ['a private key as PEM', { kid: 'k', privateKey: pem.private }],
    ['a private key as a JSON Web Key', { kid: 'k', privateKey: jwk }],
    ['a secret as bytes', { kid: 'k', secret: new TextEncoder().encode(SECRET) }],
  ])('signs and checks with %s', async (_what, key) => {
    const { keyward, createKey } = sessionKeyward({ signingKeys: [key] })
    const { token } = await keyward.sessions.mint({ keyId: (await createKey()).id })
    expect(takeApart(token).header).toEqual({
      alg: 'secret' in key ? 'HS256' : 'EdDSA',
      typ: 'keyward-session+jwt',
      kid: 'k',
    })
    expect(await outcomeOf(keyward, token, { accept: ['session'] })).toBe('admitted')
  })

  it('names a private key whose halves do not belong together, when it is first used, and lets nobody in', async () => {
    const { keyward, createKey } = sessionKeyward({
      signingKeys: [{ kid: 'mixed', privateKey: { ...jwk, x: other.x } }],
    })
    const { id } = await createKey()
    await expect(keyward.sessions.mint({ keyId: id })).rejects.toThrow(/sessions.signingKeys: "mixed" cannot be read/)
  })

  it('shows public keys only: of EdDSA, and never a secret or a private half', async () => {
    const ed = { kid: 'ed', privateKey: jwk }
    const retired = { kid: 'old', publicKey: pem.public }
    const { keyward } = sessionKeyward({ signingKeys: [ed, signingKeys.HS256, retired] })
    const common = { kty: 'OKP', crv: 'Ed25519', x: jwk.x, alg: 'EdDSA', use: 'sig' }
    expect(await keyward.sessions.jwks()).toEqual({
      keys: [
        { ...common, kid: 'ed' },
        { ...common, kid: 'old' },
      ],
    })
    expect(await sessionKeyward().keyward.sessions.jwks()).toEqual({ keys: [] })
  })

  it('263: goes on to take tokens of an older signing key until it is removed, then refuses them', async () => {
    const kit = sessionKeyward({ signingKeys: [{ kid: 'old', privateKey: jwk }] })
    const store = memory({ losesDataOnExit: true, clock: kit.clock })
    const using = (...keys: SigningKey[]) => sessionKeyward({ signingKeys: keys }, { store }, kit.clock)
    const before = using({ kid: 'old', privateKey: jwk })
    const { id } = await before.createKey()
    const { token } = await before.keyward.sessions.mint({ keyId: id })

    const rotated = using(signingKeys.HS256, { kid: 'old', publicKey: publicJwk })
    expect(await outcomeOf(rotated.keyward, token, { accept: ['session'] })).toBe('admitted')
    const { token: fresh } = await rotated.keyward.sessions.mint({ keyId: id })
    expect(takeApart(fresh).header['kid']).toBe('hs-1')
    expect(await outcomeOf(rotated.keyward, fresh, { accept: ['session'] })).toBe('admitted')

    const removed = using(signingKeys.HS256)
    expect(await outcomeOf(removed.keyward, token, { accept: ['session'] })).toBe('invalid_session_token')
    expect(await outcomeOf(removed.keyward, fresh, { accept: ['session'] })).toBe('admitted')
  })
})

describe('a keyward without sessions', () => {
  const keyward = createKeyward({ store: memory({ losesDataOnExit: true }) })

  it('says so to whoever mints, asks for public keys, or declares a route that accepts tokens', async () => {
    const complaint = "createKeyward.sessions: must be given for session tokens: sessions(…) of 'keyward/sessions'"
    await expect(keyward.sessions.mint({ keyId: 'key_1' })).rejects.toThrow(new ConfigError(complaint))
    await expect(keyward.sessions.jwks()).rejects.toThrow(new ConfigError(complaint))
    expect(() => keyward.route({ accept: ['session'] })).toThrow(ConfigError)
    expect(() => keyward.authenticate({}, { accept: ['key', 'session'] })).toThrow(ConfigError)
  })

  it.each([[[]], [['token']], [['key', 'key', 'session']], ['session']])(
    'refuses a route that accepts %j',
    (accept) => {
      expect(() => keyward.route({ accept: accept as ['key'] })).toThrow(/^requireKey\.accept/)
    },
  )

  it('takes nothing else for sessions', () => {
    const store = memory({ losesDataOnExit: true })
    expect(() => createKeyward({ store, sessions: { secret: SECRET } as never })).toThrow(/^createKeyward\.sessions: /)
  })
})

function thrownBy(act: () => unknown): unknown {
  try {
    act()
  } catch (error) {
    return error
  }
  return undefined
}
