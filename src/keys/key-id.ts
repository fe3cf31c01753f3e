const CROCKFORD = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'

/**
 * Makes ids of keys: `key_` and a monotonic ULID (https://github.com/ulid/spec), so that ids sort by creation,
 * also within a millisecond and when the clock steps back.
 *
 * @returns A function of the wall time in milliseconds since the Unix epoch.
 */
export function createKeyIds(): (now: number) => string {
  const next = createUlids()
  return (now) => `key_${next(now)}`
}

/** Makes monotonic ULIDs. @returns A function of the wall time in milliseconds since the Unix epoch. */
export function createUlids(): (now: number) => string {
  let last = 0
  let random = new Uint8Array(16)
  return (now) => {
    if (now > last) {
      last = now
      random = crypto.getRandomValues(random).map((byte) => byte & 31)
      random[0]! &= 15 // leaves room to count up
    } else {
      increment(random)
    }
    return `${encodeTime(last)}${Array.from(random, (digit) => CROCKFORD[digit]).join('')}`
  }
}

/** Says whether a text could be the id of a key. */
export function isKeyId(text: unknown): text is string {
  return typeof text === 'string' && /^key_[0-9A-HJKMNP-TV-Z]{26}$/.test(text)
}

function increment(digits: Uint8Array): void {
  for (let index = digits.length - 1; index >= 0; index--) {
    if (digits[index]! < 31) {
      digits[index]! += 1
      return
    }
    digits[index] = 0
  }
}

function encodeTime(milliseconds: number): string {
  let text = ''
  for (let rest = milliseconds, digit = 0; digit < 10; digit++) {
    text = CROCKFORD[rest % 32] + text
    rest = Math.floor(rest / 32)
  }
  return text
}
