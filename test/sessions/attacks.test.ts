import { createHmac, generateKeyPairSync, sign } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Denial, KeyStore } from 'keyward'
import { memory } from 'keyward'
import { sessions } from 'keyward/sessions'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createTestClock } from '../../src/testing/test-clock.ts'
import { headerOf, lastReason, outcomeOf, visit } from '../visit.ts'
import {
  ed25519,
  encode,
  forge,
  hmac,
  pair,
  SECRET,
  sessionKeyward,
  signingKeys,
  type TokenParts,
  takeApart,
} from './session-kit.ts'

const publicPem = pair.publicKey.export({ type: 'spki', format: 'pem' }) as string
const publicJwk = pair.publicKey.export({ format: 'jwk' }) as { readonly x: string }
const stranger = generateKeyPairSync('ed25519')
const p256 = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const rsa = generateKeyPairSync('rsa', { modulusLength: 2_048 })

/** What an attacker has: a token that is good, its parts, and a signer that only somebody with the secrets has. */
interface Loot extends TokenParts {
  readonly token: string
  readonly alg: string
  readonly signed: (header: unknown, payload: unknown) => string
}

/** A server of the attacker's that a verifier might be sent to, and how often somebody came. */
const lure = { url: '', visits: 0 }
const server = createServer((_request, response) => {
  lure.visits += 1
  const key = stranger.publicKey.export({ format: 'jwk' })
  response.end(JSON.stringify({ ...key, keys: [{ ...key, kid: 'stranger' }] }))
})

beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  lure.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks.json`
})
afterAll(() => void server.close())

const seconds = (at: unknown) => Number(at)
const es256 = (input: string) =>
  sign('sha256', Buffer.from(input), { key: p256.privateKey, dsaEncoding: 'ieee-p1363' }).toString('base64url')
const rs256 = (input: string) => sign('sha256', Buffer.from(input), rsa.privateKey).toString('base64url')
const strangerJwk = () => stranger.publicKey.export({ format: 'jwk' })

/** Every forged token. Those that use `signed` have a signature that is good: only their contents are wrong. */
const attacks: Readonly<Record<string, (loot: Loot) => string>> = {
  'alg none without a signature': ({ header, payload }) => forge({ ...header, alg: 'none' }, payload, () => ''),
  'alg None': ({ header, payload }) => forge({ ...header, alg: 'None' }, payload, () => ''),
  'alg none with the signature kept': ({ header, payload, signature }) =>
    forge({ ...header, alg: 'none' }, payload, () => signature),
  'alg none and nothing else': ({ payload }) => forge({ alg: 'none' }, payload, () => ''),
  'the signature stripped': ({ token }) => token.slice(0, token.lastIndexOf('.') + 1),
  'the signature and its dot stripped': ({ token }) => token.slice(0, token.lastIndexOf('.')),
  'an empty payload': ({ token }) => token.replace(/\.[^.]+\./, '..'),
  'a fourth part': ({ token }) => `${token}.eyJhIjoxfQ`,
  'five parts, as encrypted tokens have': ({ token }) => `${token}.${token}`,
  'HS256 with the public key in PEM as secret': ({ payload }) =>
    forge({ alg: 'HS256', typ: 'keyward-session+jwt', kid: 'ed-1' }, payload, hmac(publicPem)),
  'HS256 with the public key in PEM as secret, trimmed': ({ payload }) =>
    forge({ alg: 'HS256', typ: 'keyward-session+jwt', kid: 'ed-1' }, payload, hmac(publicPem.trim())),
  'HS256 with the public key as bytes': ({ payload }) =>
    forge(
      { alg: 'HS256', typ: 'keyward-session+jwt', kid: 'ed-1' },
      payload,
      hmac(Buffer.from(publicJwk.x, 'base64url')),
    ),
  'HS256 with the public JWK as secret': ({ payload }) =>
    forge({ alg: 'HS256', typ: 'keyward-session+jwt', kid: 'ed-1' }, payload, hmac(JSON.stringify(publicJwk))),
  'HS256 with an empty secret': ({ payload }) =>
    forge({ alg: 'HS256', typ: 'keyward-session+jwt', kid: 'hs-1' }, payload, hmac('')),
  'HS256 with the kid as secret': ({ payload }) =>
    forge({ alg: 'HS256', typ: 'keyward-session+jwt', kid: 'hs-1' }, payload, hmac('hs-1')),
  'HS384 with the secret itself': ({ header, payload }) =>
    forge({ ...header, alg: 'HS384' }, payload, (input) =>
      createHmac('sha384', SECRET).update(input).digest('base64url'),
    ),
  'HS256 declared, HS512 signed': ({ payload }) =>
    forge({ alg: 'HS256', typ: 'keyward-session+jwt', kid: 'hs-1' }, payload, (input) =>
      createHmac('sha512', SECRET).update(input).digest('base64url'),
    ),
  'EdDSA in the name of the secret': ({ payload }) =>
    forge({ alg: 'EdDSA', typ: 'keyward-session+jwt', kid: 'hs-1' }, payload, ed25519(stranger.privateKey)),
  'the other name of EdDSA': ({ header, payload }) =>
    forge({ ...header, alg: 'Ed25519' }, payload, ed25519(pair.privateKey)),
  ES256: ({ header, payload }) => forge({ ...header, alg: 'ES256' }, payload, es256),
  RS256: ({ header, payload }) => forge({ ...header, alg: 'RS256' }, payload, rs256),
  'EdDSA of a stranger': ({ payload }) =>
    forge({ alg: 'EdDSA', typ: 'keyward-session+jwt', kid: 'ed-1' }, payload, ed25519(stranger.privateKey)),
  'an empty ES256 signature (psychic)': ({ header, payload }) =>
    forge({ ...header, alg: 'ES256' }, payload, () => Buffer.alloc(64).toString('base64url')),
  'a signature of zeros': ({ header, payload, signature }) =>
    forge(header, payload, () => Buffer.alloc(Buffer.from(signature, 'base64url').length).toString('base64url')),
  'an unknown kid': ({ header, payload, signed }) => signed({ ...header, kid: 'unknown' }, payload),
  'no kid': ({ header, payload, signed }) => signed({ ...header, kid: undefined }, payload),
  'a kid that is a path': ({ header, payload }) =>
    forge({ ...header, alg: 'HS256', kid: '../../../../dev/null' }, payload, hmac('')),
  'a kid that is SQL': ({ header, payload }) =>
    forge({ ...header, alg: 'HS256', kid: "x' UNION SELECT 'a'; --" }, payload, hmac('a')),
  'a kid that every object has': ({ header, payload, signed }) => signed({ ...header, kid: '__proto__' }, payload),
  'a kid that is a list': ({ header, payload, signed }) => signed({ ...header, kid: [header['kid']] }, payload),
  'an embedded JWK': ({ header, payload }) =>
    forge({ ...header, alg: 'EdDSA', jwk: strangerJwk() }, payload, ed25519(stranger.privateKey)),
  'a jku': ({ header, payload }) =>
    forge({ ...header, alg: 'EdDSA', kid: 'stranger', jku: lure.url }, payload, ed25519(stranger.privateKey)),
  'a jku beside the right kid': ({ header, payload, signed }) => signed({ ...header, jku: lure.url }, payload),
  'an x5u': ({ header, payload }) =>
    forge({ ...header, alg: 'EdDSA', x5u: lure.url }, payload, ed25519(stranger.privateKey)),
  'an x5c': ({ header, payload, signed }) => signed({ ...header, x5c: ['MIIB'] }, payload),
  'an address as kid': ({ header, payload }) =>
    forge({ ...header, alg: 'EdDSA', kid: lure.url }, payload, ed25519(stranger.privateKey)),
  'a foreign issuer that has keys': ({ header, payload }) =>
    forge({ ...header, alg: 'EdDSA' }, { ...payload, iss: lure.url }, ed25519(stranger.privateKey)),
  'a critical extension': ({ header, payload, signed }) => signed({ ...header, crit: ['b64'], b64: true }, payload),
  'an unencoded payload (b64)': ({ header, payload, signed }) =>
    signed({ ...header, crit: ['b64'], b64: false }, payload),
  'an empty list of critical extensions': ({ header, payload, signed }) => signed({ ...header, crit: [] }, payload),
  'no typ': ({ header, payload, signed }) => signed({ ...header, typ: undefined }, payload),
  'typ JWT': ({ header, payload, signed }) => signed({ ...header, typ: 'JWT' }, payload),
  'the typ of access tokens': ({ header, payload, signed }) => signed({ ...header, typ: 'at+jwt' }, payload),
  compressed: ({ header, payload, signed }) => signed({ ...header, zip: 'DEF' }, payload),
  'the header with its names in another order': ({ header, payload, signed }) =>
    signed({ kid: header['kid'], typ: header['typ'], alg: header['alg'] }, payload),
  'alg named twice': ({ header, payload, alg, signed }) =>
    signed(JSON.stringify(header).replace('{', `{"alg":"none",`), { ...payload, alg }),
  'another issuer': ({ header, payload, signed }) => signed(header, { ...payload, iss: 'https://evil.test' }),
  'no issuer': ({ header, payload, signed }) => signed(header, { ...payload, iss: undefined }),
  'another audience': ({ header, payload, signed }) => signed(header, { ...payload, aud: 'other.test' }),
  'a list of other audiences': ({ header, payload, signed }) => signed(header, { ...payload, aud: ['a', 'b'] }),
  'no audience': ({ header, payload, signed }) => signed(header, { ...payload, aud: undefined }),
  'one that has expired': ({ header, payload, signed }) =>
    signed(header, { ...payload, exp: seconds(payload['iat']) - 1 }),
  'one that expires now': ({ header, payload, signed }) => signed(header, { ...payload, exp: payload['iat'] }),
  'no end': ({ header, payload, signed }) => signed(header, { ...payload, exp: undefined }),
  'an end that is text': ({ header, payload, signed }) => signed(header, { ...payload, exp: '9999999999' }),
  'an end that no clock tells': ({ header, payload, signed }) => signed(header, { ...payload, exp: 1e300 }),
  'an end with a fraction': ({ header, payload, signed }) =>
    signed(header, { ...payload, exp: seconds(payload['exp']) + 0.5 }),
  'no beginning': ({ header, payload, signed }) => signed(header, { ...payload, iat: undefined }),
  'not before later': ({ header, payload, signed }) =>
    signed(header, { ...payload, nbf: seconds(payload['iat']) + 60 }),
  'not before that is text': ({ header, payload, signed }) => signed(header, { ...payload, nbf: '0' }),
  'no owner': ({ header, payload, signed }) => signed(header, { ...payload, sub: undefined }),
  'an owner that is a list': ({ header, payload, signed }) => signed(header, { ...payload, sub: ['test'] }),
  'no key': ({ header, payload, signed }) => signed(header, { ...payload, key: undefined }),
  'a key that is an object': ({ header, payload, signed }) => signed(header, { ...payload, key: { $ne: null } }),
  'no id': ({ header, payload, signed }) => signed(header, { ...payload, jti: '' }),
  'no scope': ({ header, payload, signed }) => signed(header, { ...payload, scope: undefined }),
  'scopes as a list': ({ header, payload, signed }) => signed(header, { ...payload, scope: ['a'] }),
  'a claim named twice': ({ header, payload, signed }) =>
    signed(header, JSON.stringify(payload).replace('{', `{"sub":"other",`)),
  'the audience named twice': ({ header, payload, signed }) =>
    signed(header, JSON.stringify(payload).replace('{', `{"aud":"other.test",`)),
  'a payload with spaces': ({ header, payload, signed }) => signed(header, JSON.stringify(payload, undefined, 1)),
  'a payload that is no object': ({ header, signed }) => signed(header, '[]'),
  'a payload that is null': ({ header, signed }) => signed(header, 'null'),
  'a payload that is no JSON': ({ header, signed }) => signed(header, 'sub=test'),
  'a nested token': ({ header, token, signed }) => signed({ ...header, cty: 'JWT' }, token),
  "another owner's name, the signature kept": ({ header, payload, signature }) =>
    forge(header, { ...payload, sub: 'other' }, () => signature),
  'more scopes, the signature kept': ({ header, payload, signature }) =>
    forge(header, { ...payload, scope: 'a b' }, () => signature),
  'a later end, the signature kept': ({ header, payload, signature }) =>
    forge(header, { ...payload, exp: seconds(payload['exp']) + 1 }, () => signature),
  'another spelling of its signature': ({ token }) => `${token.slice(0, -1)}${respelled(token.at(-1) ?? '')}`,
  'another spelling of its payload': ({ header, payload, signed }) => respelledPayload(header, payload, signed),
  'padding behind its signature': ({ token }) => `${token}=`,
  'a line feed behind its signature': ({ token }) => `${token}%0a`,
  'its fourth character changed': ({ token }) => token.replace('eyJh', 'eyJi'),
  'a token of a 10 KB header': ({ header, payload, signed }) => signed({ ...header, pad: 'x'.repeat(10_000) }, payload),
  '265: 10 KB of scopes, well signed': ({ header, payload, signed }) =>
    signed(header, { ...payload, scope: 'x'.repeat(10_000) }),
  'nothing but its beginning': () => 'eyJ.',
  dots: () => 'eyJ....',
  'a million brackets': ({ header }) => `${encode(header)}.${encode('['.repeat(5_000))}.${'A'.repeat(43)}`,
}

describe.each(Object.entries(signingKeys))('a route that accepts tokens signed with %s', (alg, key) => {
  async function raid() {
    const clock = createTestClock()
    const kept = memory({ losesDataOnExit: true, clock })
    const looked = { times: 0 }
    const counted = <T>(look: () => T) => {
      looked.times += 1
      return look()
    }
    const store: KeyStore = {
      ...kept,
      findById: (id) => counted(() => kept.findById(id)),
      findByDigest: (digests) => counted(() => kept.findByDigest(digests)),
    }
    // A format that takes anything for a key: whatever is not looked up, is not for another reason.
    const options = { store, clientAddress: 'peer' as const, keys: { accept: [{ recognises: () => true }] } }
    const kit = sessionKeyward({ signingKeys: [key] }, options, clock)
    const { id } = await kit.createKey({ scopes: ['a'] })
    await kit.keyward.ready()
    const { token } = await kit.keyward.sessions.mint({ keyId: id })
    const signer = alg === 'HS256' ? hmac(SECRET) : ed25519(pair.privateKey)
    const loot: Loot = { ...takeApart(token), token, alg, signed: (header, payload) => forge(header, payload, signer) }
    looked.times = 0
    return { ...kit, loot, looked }
  }

  it('is not fooled by its own test: what is forged with the right parts is the token itself', async () => {
    const { keyward, loot } = await raid()
    expect(loot.signed(loot.header, loot.payload)).toBe(loot.token)
    expect(await outcomeOf(keyward, loot.token, { accept: ['session'] })).toBe('admitted')
  })

  it('refuses every forged token with one answer, asks no store for it, and goes nowhere', async () => {
    const { keyward, loot, looked, events } = await raid()
    const expected = await answerTo(keyward, 'eyJ.eyJ.x')
    expect(expected).toMatchObject({ status: 401, code: 'invalid_session_token' })
    for (const accept of [['session'], ['key', 'session']] as const)
      for (const [name, attack] of Object.entries(attacks)) {
        const answer = await answerTo(keyward, attack(loot), accept)
        expect([name, accept, answer]).toEqual([name, accept, expected])
        expect([name, lastReason(events)]).toEqual([name, 'invalid_session_token'])
      }
    expect(events.filter(({ type }) => type === 'admitted')).toEqual([])
    expect(events.filter(({ type }) => type === 'degraded')).toEqual([])
    expect(looked.times).toBe(0)
    expect(lure.visits).toBe(0)
    // However many came, nobody's budget of failed attempts is used: the key's own request is not refused.
    for (let attempt = 0; attempt < 200; attempt++)
      expect(await outcomeOf(keyward, 'eyJ.eyJ.x', { accept: ['session'], peer: '192.0.2.1' })).toBe(
        'invalid_session_token',
      )
    expect(await outcomeOf(keyward, loot.token, { accept: ['session'], peer: '192.0.2.1' })).toBe('admitted')
  })

  it('35: refuses every token, good or forged, with one 401 where keys only are accepted, and looks none up', async () => {
    const { keyward, loot, looked } = await raid()
    const expected = await answerTo(keyward, 'eyJ.eyJ.x', ['key'])
    expect(expected).toMatchObject({ status: 401, code: 'invalid_api_key_format' })
    for (const [name, attack] of [
      ...Object.entries(attacks),
      ['the token itself', ({ token }: Loot) => token] as const,
    ])
      expect([name, await answerTo(keyward, attack(loot), ['key'])]).toEqual([name, expected])
    expect(looked.times).toBe(0)
  })
})

describe('a route that accepts tokens only', () => {
  it('refuses API keys, good ones too, without a look at the store', async () => {
    const { keyward, createKey } = sessionKeyward()
    const { apiKey } = await createKey()
    for (const shown of [apiKey, 'not-a-key', `${apiKey}x`])
      expect(await outcomeOf(keyward, shown, { accept: ['session'] })).toBe('invalid_session_token')
    expect(await outcomeOf(keyward, apiKey, { accept: ['session', 'key'] })).toBe('admitted')
  })

  it('answers 500 and not 401 when keys cannot be read: no good token is thrown away', async () => {
    const { x } = strangerJwk() as { x: string }
    const { d } = pair.privateKey.export({ format: 'jwk' }) as { d: string }
    const broken = { kid: 'ed-1', privateKey: { kty: 'OKP', crv: 'Ed25519', x, d } }
    const { keyward } = sessionKeyward({ signingKeys: [broken] })
    const good = sessions({ issuer: 'https://api.test', audience: 'api.test', signingKeys: [signingKeys.EdDSA] })
    const [at, until] = [new Date(Date.UTC(2026, 0, 1)), new Date(Date.UTC(2026, 0, 2))]
    const claims = { id: 'session_1', owner: 'test', keyId: 'key_1', scopes: [], expiresAt: until }
    const token = await good.sign(claims, at)
    expect(await outcomeOf(keyward, token, { accept: ['session'] })).toBe('internal_error')
  })
})

/** What a caller sees, without what is different in each request. */
async function answerTo(
  keyward: Parameters<typeof visit>[0],
  credential: string,
  accept: readonly ('key' | 'session')[] = ['session'],
) {
  const denial = (await visit(keyward, credential, { accept })) as Denial
  if (!denial.denied) throw new Error('the request was admitted')
  const { status, code, body, requestId } = denial
  const challenge = headerOf(denial, 'WWW-Authenticate')
  return {
    status,
    code,
    challenge,
    body: body.replaceAll(requestId, 'id'),
    headers: denial.headers.map(([name]) => name),
  }
}

/** The next character whose unused bits are set: the decoder of most libraries does not see the difference. */
function respelled(character: string): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
  return alphabet.charAt(alphabet.indexOf(character) + 1)
}

function respelledPayload(header: unknown, payload: TokenParts['payload'], signed: Loot['signed']): string {
  // A payload whose length leaves bits to spare, in the spelling that has one of them set; signed as it stands.
  const padded = [0, 1, 2].map((count) => ({ ...payload, jti: `session${'_'.repeat(count)}` }))
  const spare = padded.find((candidate) => Buffer.from(JSON.stringify(candidate)).length % 3 !== 0)
  const [encodedHeader, encodedPayload = ''] = signed(header, spare).split('.')
  const odd = `${encodedPayload.slice(0, -1)}${respelled(encodedPayload.at(-1) ?? '')}`
  const input = `${encodedHeader}.${odd}`
  const alg = takeApart(`${encodedHeader}.${encode({})}.`).header['alg']
  return `${input}.${(alg === 'HS256' ? hmac(SECRET) : ed25519(pair.privateKey))(input)}`
}
