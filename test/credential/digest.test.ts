import { createHash } from 'node:crypto'
import { inspect } from 'node:util'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createDigester, digestApiKey, importDigest, type Pepper } from '../../src/credential/digest.ts'
import { ConfigError } from '../../src/model/errors.ts'

const KEY = 'sk_4fTq9ZbK'
const one: Pepper = { version: 1, secret: 'first-pepper-first-pepper-first-pepper' }
const two: Pepper = { version: 2, secret: 'second-pepper-second-pepper-second-pepper' }

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('base64url')
}

describe('a digest', () => {
  it('is the SHA-256 of the key in 43 characters of base64url', async () => {
    expect(await digestApiKey(KEY)).toBe(sha256(KEY))
    expect(await digestApiKey('')).toBe('47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU')
  })

  it('with a pepper is the SHA-256 of the secret and the digest without', async () => {
    expect(await digestApiKey(KEY, one)).toBe(sha256(one.secret + sha256(KEY)))
  })

  it('with another pepper, or for another key, is another', async () => {
    const digests = await Promise.all([
      digestApiKey(KEY),
      digestApiKey(KEY, one),
      digestApiKey(KEY, two),
      digestApiKey(`${KEY}0`, one),
      // The border between secret and key cannot be moved.
      digestApiKey(KEY.slice(1), { version: 1, secret: one.secret + KEY.slice(0, 1) }),
    ])
    expect(new Set(digests).size).toBe(digests.length)
  })
})

describe('a digester', () => {
  it('without peppers looks a key up under one digest', async () => {
    const digester = createDigester()
    expect(digester.pepperVersion).toBe(0)
    expect(await digester.digest(KEY)).toBe(sha256(KEY))
    expect(await digester.candidates(KEY)).toEqual([sha256(KEY)])
    expect(await digester.pepperDigest(sha256(KEY))).toBe(sha256(KEY))
  })

  it('44: with one pepper still finds keys that were stored without', async () => {
    const digester = createDigester([one])
    expect(digester.pepperVersion).toBe(1)
    expect(await digester.digest(KEY)).toBe(await digestApiKey(KEY, one))
    expect(await digester.candidates(KEY)).toEqual([await digestApiKey(KEY, one), sha256(KEY)])
  })

  it.each([
    ['in order', [one, two]],
    ['in reverse', [two, one]],
  ])('44: with two peppers %s makes new digests with the higher version and finds both', async (_, peppers) => {
    const digester = createDigester(peppers)
    expect(digester.pepperVersion).toBe(2)
    expect(await digester.digest(KEY)).toBe(await digestApiKey(KEY, two))
    expect(await digester.candidates(KEY)).toEqual([await digestApiKey(KEY, two), await digestApiKey(KEY, one)])
  })

  it('puts its pepper on a digest whose key nobody has', async () => {
    const digester = createDigester([one])
    expect(await digester.pepperDigest(sha256(KEY))).toBe(await digester.digest(KEY))
  })

  it('246: shows no secret to whoever prints it', () => {
    const digester = createDigester([one, two])
    const printed = inspect(digester, { depth: 9, showHidden: true }) + JSON.stringify(digester)
    expect(printed).not.toMatch(/first-pepper|second-pepper/)
  })
})

describe('peppers', () => {
  it.each([
    ['45: a newline at the end', [{ ...one, secret: `${one.secret}\n` }], 'white space'],
    ['45: a space in front', [{ ...one, secret: ` ${one.secret}` }], 'white space'],
    ['45: an empty secret', [{ ...one, secret: '' }], 'at least 32 bytes'],
    ['31 bytes', [{ ...one, secret: 'x'.repeat(31) }], 'at least 32 bytes'],
    ['no secret', [{ version: 1 } as Pepper], 'at least 32 bytes'],
    ['version 0', [{ ...one, version: 0 }], 'whole number from 1'],
    ['version 1.5', [{ ...one, version: 1.5 }], 'whole number from 1'],
    ['one version twice', [one, { ...two, version: 1 }], 'twice'],
    ['three', [one, two, { ...one, version: 3 }], 'more than 2'],
  ])('are refused at start with %s, and the message holds no secret', (_, peppers, rule) => {
    let thrown: unknown
    try {
      createDigester(peppers)
    } catch (error) {
      thrown = error
    }
    expect(thrown).toBeInstanceOf(ConfigError)
    expect((thrown as ConfigError).message).toContain(rule)
    expect((thrown as ConfigError).message).not.toMatch(/first-pepper|second-pepper|xxx/)
  })

  it('may have 32 bytes in fewer characters', () => {
    expect(createDigester([{ version: 7, secret: 'ß'.repeat(16) }]).pepperVersion).toBe(7)
  })
})

describe('an imported digest', () => {
  it('is the same from hex in either case, base64 and base64url, with and without padding', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), (array) => {
        const bytes = Buffer.from(array)
        const expected = bytes.toString('base64url')
        const hex = bytes.toString('hex')
        const forms = [hex, hex.toUpperCase(), bytes.toString('base64'), expected, `${expected}=`]
        expect(forms.map(importDigest)).toEqual(forms.map(() => expected))
      }),
    )
  })

  it.each([
    ['nothing', ''],
    ['63 characters of hex', 'a'.repeat(63)],
    ['65 characters of hex', 'a'.repeat(65)],
    ['another letter in hex', `${'a'.repeat(63)}g`],
    ['42 characters of base64', 'A'.repeat(42)],
    ['44 characters without padding', 'A'.repeat(44)],
    ['two signs of padding', `${'A'.repeat(42)}==`],
    ['bits after the 256th', `${'A'.repeat(42)}B`],
    ['both alphabets at once', `+-${'A'.repeat(41)}`],
    ['a newline at the end', `${'A'.repeat(43)}\n`],
    ['white space in front', ` ${'a'.repeat(64)}`],
    ['another hash', createHash('sha512').update(KEY).digest('hex')],
    ['an API key', KEY],
  ])('is none from %s', (_, text) => {
    expect(importDigest(text)).toBeUndefined()
  })

  it('is canonical, or none, whatever the text', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.string({ unit: 'binary' }), fc.base64String({ minLength: 40, maxLength: 48 })),
        (text) => {
          const digest = importDigest(text)
          if (digest !== undefined) expect(Buffer.from(digest, 'base64url').toString('base64url')).toBe(digest)
        },
      ),
    )
  })
})
