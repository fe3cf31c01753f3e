import { crc32 } from 'node:zlib'
import fc from 'fast-check'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { createKeyFormat, type KeyFormatOptions } from '../../src/credential/key-format.ts'
import { ConfigError } from '../../src/model/errors.ts'

const BASE62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
const COUNT = process.env['KEYWARD_LONG'] ? 1_000_000 : 100_000
/** Chi-square with 61 degrees of freedom that chance exceeds once in 10^9. */
const CHI_SQUARE_61 = 153
/** The same with 15 degrees. */
const CHI_SQUARE_15 = 74.5

const sk = createKeyFormat({ prefix: 'sk_' })
const pv = createKeyFormat({ prefix: 'pv_', alphabet: 'hex', checksum: false })

const formats: readonly (readonly [string, KeyFormatOptions, RegExp])[] = [
  ['base62 with checksum', { prefix: 'sk_test_' }, /^sk_test_[0-9A-Za-z]{49}$/],
  ['base62 alone', { prefix: 'vg_key_', checksum: false }, /^vg_key_[0-9A-Za-z]{43}$/],
  ['hex with checksum', { prefix: 'a_', alphabet: 'hex' }, /^a_[0-9a-f]{72}$/],
  ['hex alone', { prefix: 'vp_live_', alphabet: 'hex', checksum: false }, /^vp_live_[0-9a-f]{64}$/],
]

function chiSquare(counts: Iterable<number>, expected: number): number {
  let sum = 0
  for (const count of counts) sum += (count - expected) ** 2 / expected
  return sum
}

describe.each(formats)('keys in %s', (_, options, shape) => {
  const format = createKeyFormat(options)

  it('have their shape, are recognised, and begin with their start', () => {
    for (let count = 0; count < 1_000; count++) {
      const apiKey = format.make()
      expect(apiKey).toMatch(shape)
      expect(format.recognises(apiKey)).toBe(true)
      expect(apiKey.startsWith(format.start(apiKey))).toBe(true)
      expect(format.start(apiKey)).toHaveLength(12)
    }
  })

  it('are found in a text by the published pattern', () => {
    const apiKey = format.make()
    expect(format.pattern.exec(`export KEY="${apiKey}";`)?.[0]).toBe(apiKey)
    expect(format.pattern.exec(apiKey.slice(0, -1))).toBeNull()
    expect(format.pattern.source).toBe(format.patternSource)
  })

  it('32: are not recognised with a character more, less or from elsewhere', () => {
    const apiKey = format.make()
    const wrong = [apiKey.slice(0, -1), `${apiKey}0`, ` ${apiKey}`, apiKey.slice(1), '', format.prefix]
    for (let at = 0; at < apiKey.length; at++) {
      for (const other of ['-', '.', '\0', '\u00e9', '\u0430', '\uffff', '=']) {
        wrong.push(apiKey.slice(0, at) + other + apiKey.slice(at + 1))
      }
    }
    expect(wrong.filter((text) => format.recognises(text))).toEqual([])
  })

  it('never make the test throw, whatever the text', () => {
    const text = fc.oneof(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary', size: 'large' }))
    fc.assert(
      fc.property(text, fc.boolean(), (tail, prefixed) => {
        const candidate = prefixed ? format.prefix + tail : tail
        if (format.recognises(candidate)) expect(candidate).toMatch(shape)
      }),
      { numRuns: 2_000 },
    )
  })
})

describe('a checksum', () => {
  it('is the CRC-32 of everything before it', () => {
    for (let count = 0; count < 200; count++) {
      const apiKey = sk.make()
      let rest = crc32(apiKey.slice(0, -6))
      let written = ''
      for (let digit = 0; digit < 6; digit++) {
        written = BASE62.charAt(rest % 62) + written
        rest = Math.floor(rest / 62)
      }
      expect(apiKey.slice(-6)).toBe(written)
    }
    const hex = createKeyFormat({ prefix: 'h_', alphabet: 'hex' }).make()
    expect(hex.slice(-8)).toBe(crc32(hex.slice(0, -8)).toString(16).padStart(8, '0'))
  })

  it('17: finds every change of one character, and every two neighbours swapped', () => {
    const apiKey = sk.make()
    for (let at = 0; at < apiKey.length; at++) {
      for (const other of BASE62) {
        if (other === apiKey[at]) continue
        expect(sk.recognises(apiKey.slice(0, at) + other + apiKey.slice(at + 1))).toBe(false)
      }
    }
    for (let at = 0; at < apiKey.length - 1; at++) {
      const [one = '', two = ''] = apiKey.slice(at, at + 2)
      if (one !== two) expect(sk.recognises(apiKey.slice(0, at) + two + one + apiKey.slice(at + 2))).toBe(false)
    }
  })

  it('17: leaves the upper-case, percent-encoded and extended forms of a key unrecognised', () => {
    const apiKey = sk.make()
    for (const form of [apiKey.toUpperCase(), apiKey.replace('_', '%5F'), `${apiKey}=`, `${apiKey}\u00a0`]) {
      expect(sk.recognises(form)).toBe(false)
    }
  })

  it('33, 34: covers the prefix, so that a key of another product or environment is none', () => {
    const live = createKeyFormat({ prefix: 'acme_live_' })
    const test = createKeyFormat({ prefix: 'acme_test_' })
    const apiKey = test.make()
    expect(live.recognises(apiKey)).toBe(false)
    expect(live.recognises(apiKey.replace('acme_test_', 'acme_live_'))).toBe(false)
  })
})

describe('randomness', () => {
  afterEach(() => void vi.restoreAllMocks())

  it(`30: ${COUNT} keys are all recognised, all different, and uniform at each of the 43 positions`, () => {
    const seen = new Set<string>()
    const counts = Array.from({ length: 43 }, () => new Map<string, number>())
    for (let count = 0; count < COUNT; count++) {
      const apiKey = sk.make()
      if (!sk.recognises(apiKey)) expect.fail(apiKey)
      seen.add(apiKey.slice(3, 46))
      for (let at = 0; at < 43; at++) {
        const character = apiKey.charAt(at + 3)
        const tally = counts[at]!
        tally.set(character, (tally.get(character) ?? 0) + 1)
      }
    }
    expect(seen.size).toBe(COUNT)
    for (const tally of counts) {
      expect(tally.size).toBe(62)
      expect(chiSquare(tally.values(), COUNT / 62)).toBeLessThan(CHI_SQUARE_61)
    }
  })

  it('30: hex keys are uniform too', () => {
    const counts = Array.from({ length: 64 }, () => new Map<string, number>())
    for (let count = 0; count < 10_000; count++) {
      const apiKey = pv.make()
      for (let at = 0; at < 64; at++) {
        const character = apiKey.charAt(at + 3)
        counts[at]!.set(character, (counts[at]!.get(character) ?? 0) + 1)
      }
    }
    for (const tally of counts) expect(chiSquare(tally.values(), 10_000 / 16)).toBeLessThan(CHI_SQUARE_15)
  })

  it.each([
    ['zeros', 0],
    ['a constant', 0xa5],
  ])('37: no key is made of a source that is stuck at %s', (_, byte) => {
    vi.spyOn(crypto, 'getRandomValues').mockImplementation((array) => {
      if (array instanceof Uint8Array) array.fill(byte)
      return array
    })
    expect(() => sk.make()).toThrow('repeats itself')
    expect(() => pv.make()).toThrow('repeats itself')
  })

  it('37: no key is made of a source that gives the same bytes every time', () => {
    vi.spyOn(crypto, 'getRandomValues').mockImplementation((array) => {
      if (array instanceof Uint8Array) array.set(Uint8Array.from(array, (_, at) => at * 37))
      return array
    })
    expect(() => sk.make()).toThrow('repeats itself')
  })

  it('37: no key is made when the source fails', () => {
    vi.spyOn(crypto, 'getRandomValues').mockImplementation(() => {
      throw new Error('no entropy')
    })
    expect(() => sk.make()).toThrow('no entropy')
  })
})

describe('the options of a key format', () => {
  it.each(['sk_', 'pv_', 'vp_live_', 'vg_key_', 'sk_test_', 'a_', `${'a'.repeat(31)}_`])(
    'accept the prefix %s',
    (prefix) => {
      expect(createKeyFormat({ prefix }).prefix).toBe(prefix)
    },
  )

  it.each([
    '',
    '_',
    'sk',
    'SK_',
    '1k_',
    '_k_',
    'sk-',
    's k_',
    'sk.*_',
    '(sk_',
    'sk_\n',
    'ключ_',
    `${'a'.repeat(32)}_`,
    `${'a'.repeat(99)}_`,
  ])('36: refuse the prefix %j', (prefix) => {
    expect(() => createKeyFormat({ prefix })).toThrow(ConfigError)
    expect(() => createKeyFormat({ prefix })).toThrow('keyFormat.prefix must have 2 to 32 characters')
  })

  it('refuse another alphabet and a checksum that is no boolean', () => {
    const options: unknown[] = [
      { prefix: 'sk_', alphabet: 'base64' },
      { prefix: 'sk_', alphabet: 'toString' },
      { prefix: 'sk_', checksum: 'no' },
      { prefix: 7 },
    ]
    for (const each of options) expect(() => createKeyFormat(each as KeyFormatOptions)).toThrow(ConfigError)
  })
})

describe('a long text', () => {
  it('15: is refused by its length alone', () => {
    let reads = 0
    const long = { length: 15_000, startsWith: () => ++reads, charCodeAt: () => ++reads }
    expect(sk.recognises(long as unknown as string)).toBe(false)
    expect(reads).toBe(0)
  })
})
