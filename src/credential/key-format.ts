import { ConfigError } from '../model/errors.ts'
import { CRC32_START, crc32End, crc32Step, crc32Text } from './crc32.ts'
import { randomCharacters } from './random-characters.ts'

/** How API keys are made and recognised, before anything is hashed or looked up. */
export interface KeyFormat {
  readonly prefix: string
  /** Source of {@link KeyFormat.pattern}: what to give to a secret scanner. */
  readonly patternSource: string
  /** Matches a key anywhere in a text; not anchored, no flags. It does not see the checksum. */
  readonly pattern: RegExp

  /**
   * Makes a new API key with 256 bits of randomness.
   *
   * @throws {Error} When the runtime's random source fails or is seen to repeat itself.
   */
  make(): string

  /**
   * Says whether a text can be an API key of this format: length, prefix, alphabet and checksum. Reads nothing of
   * a text of another length, and never throws.
   */
  recognises(apiKey: string): boolean

  /** The first 12 characters: enough to tell keys apart in a list, too little to use one. */
  start(apiKey: string): string
}

/** What a key looks like. */
export interface KeyFormatOptions {
  /** 2 to 32 characters of `a-z`, `0-9` and `_`; begins with a letter and ends with `_`. Say product and environment: `acme_live_`. */
  readonly prefix: string
  /**
   * `'base62'` (default): 43 characters of `0-9A-Za-z`. `'hex'`: 64 characters of `0-9a-f`. Both are 256 bits.
   */
  readonly alphabet?: 'base62' | 'hex'
  /**
   * Whether a CRC-32 over everything before it, the prefix too, ends the key: 6 characters in base62, 8 in hex,
   * zero-padded. A mistyped or invented key is then refused without a look at the store. Default true.
   */
  readonly checksum?: boolean
}

interface Alphabet {
  readonly characters: string
  readonly classSource: string
  readonly randomCharacters: number
  readonly checksumCharacters: number
  /** Value of each ASCII character as a digit; -1 for one that is not in the alphabet. */
  readonly digits: Int8Array
}

const ALPHABETS = {
  base62: alphabet('0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz', '[0-9A-Za-z]', 43, 6),
  hex: alphabet('0123456789abcdef', '[0-9a-f]', 64, 8),
}

const PREFIX = /^[a-z][a-z0-9_]{0,30}_$/

/**
 * Makes a key format: prefix, random characters and, unless switched off, a checksum.
 *
 * @throws {ConfigError} When an option breaks its rule.
 */
export function createKeyFormat(options: KeyFormatOptions): KeyFormat {
  const { prefix, alphabet: alphabetName = 'base62', checksum = true } = options
  if (typeof prefix !== 'string' || !PREFIX.test(prefix)) {
    throw new ConfigError(
      'keyFormat.prefix must have 2 to 32 characters of a-z, 0-9 and _, begin with a letter and end with _.',
    )
  }
  if (!Object.hasOwn(ALPHABETS, alphabetName)) {
    throw new ConfigError("keyFormat.alphabet must be 'base62' or 'hex'.")
  }
  if (typeof checksum !== 'boolean') throw new ConfigError('keyFormat.checksum must be true or false.')
  return composeFormat(prefix, ALPHABETS[alphabetName], checksum)
}

function composeFormat(prefix: string, letters: Alphabet, checksum: boolean): KeyFormat {
  const checksumCharacters = checksum ? letters.checksumCharacters : 0
  const checkedCharacters = prefix.length + letters.randomCharacters
  const characters = checkedCharacters + checksumCharacters
  const { digits } = letters
  const afterPrefix = crc32Text(CRC32_START, prefix)
  const patternSource = `${prefix}${letters.classSource}{${characters - prefix.length}}`
  return {
    prefix,
    patternSource,
    pattern: new RegExp(patternSource),
    make() {
      const random = randomCharacters(letters.characters, letters.randomCharacters)
      if (!checksum) return prefix + random
      return prefix + random + numeral(crc32End(crc32Text(afterPrefix, random)), letters)
    },
    recognises(apiKey) {
      if (apiKey.length !== characters || !apiKey.startsWith(prefix)) return false
      let crc = afterPrefix
      let anyWrong = 0
      for (let at = prefix.length; at < checkedCharacters; at++) {
        const unit = apiKey.charCodeAt(at)
        // The sign bit stays set once any character is not in the alphabet.
        anyWrong |= unit > 127 ? -1 : digits[unit]!
        crc = crc32Step(crc, unit)
      }
      if (anyWrong < 0) return false
      return !checksum || readNumeral(apiKey, checkedCharacters, letters) === crc32End(crc)
    },
    start: (apiKey) => apiKey.slice(0, 12),
  }
}

function alphabet(characters: string, classSource: string, randomCharacters: number, checksum: number): Alphabet {
  const digits = new Int8Array(128).fill(-1)
  for (let digit = 0; digit < characters.length; digit++) digits[characters.charCodeAt(digit)] = digit
  return { characters, classSource, randomCharacters, checksumCharacters: checksum, digits }
}

/** Writes a checksum as digits of the alphabet, zero-padded. */
function numeral(value: number, letters: Alphabet): string {
  const base = letters.characters.length
  let text = ''
  for (let rest = value; text.length < letters.checksumCharacters; rest = Math.floor(rest / base)) {
    text = letters.characters.charAt(rest % base) + text
  }
  return text
}

/** Reads a checksum from the end of a key; -1 where it has a character that is not in the alphabet. */
function readNumeral(apiKey: string, from: number, letters: Alphabet): number {
  let value = 0
  for (let at = from; at < apiKey.length; at++) {
    const unit = apiKey.charCodeAt(at)
    const digit = unit > 127 ? -1 : letters.digits[unit]!
    if (digit < 0) return -1
    value = value * letters.characters.length + digit
  }
  return value
}
