/**
 * How a bucket is told to the script: `cost`, then limit and length of each window, as digits to the base of 64, the
 * greatest first, of which 0 is the character `0`. Lua reads digits out of one argument in a quarter of the time that
 * it takes to make numbers of as many arguments.
 */
const DIGIT_0 = 48

/** Digits of a number of units, to 1,073,741,823, and of a number of seconds, to 16,777,215. */
const UNITS = 5
const SECONDS = 4

/** Characters of a bucket's cost and of each of its windows. */
export const COST_CHARACTERS = UNITS
export const WINDOW_CHARACTERS = UNITS + SECONDS

/** Writes a number of units. */
export function wordOfUnits(units: number): string {
  return wordOf(units, UNITS)
}

/** Writes a number of seconds. */
export function wordOfSeconds(seconds: number): string {
  return wordOf(seconds, SECONDS)
}

function wordOf(value: number, digits: number): string {
  let word = ''
  for (let rest = value, i = 0; i < digits; i++, rest = Math.floor(rest / 64)) {
    word = String.fromCharCode(DIGIT_0 + (rest % 64)) + word
  }
  return word
}

/** Lua that makes a number of its digits. */
function luaValue(digits: readonly string[]): string {
  const zero = digits.reduce((sum) => sum * 64 + DIGIT_0, 0)
  return `${digits.reduce((sum, digit) => `(${sum}) * 64 + ${digit}`)} - ${zero}`
}

const named = (name: string, count: number) => Array.from({ length: count }, (_, i) => `${name}${i + 1}`)

/** Lua that reads `cost`, and the first window's `limit` and `length` in ms, out of `text`. */
export function readOneWindow(): string {
  const [cost, limit, length] = [named('c', UNITS), named('l', UNITS), named('s', SECONDS)]
  const digits = [...cost, ...limit, ...length]
  return `local ${digits.join(', ')} = string.byte(text, 1, ${digits.length})
  local cost, limit, length = ${luaValue(cost)}, ${luaValue(limit)}, (${luaValue(length)}) * 1000`
}

/** Lua that reads `cost` out of `text`, and how many windows (`many`) follow it. */
export function readCost(): string {
  const digits = named('c', UNITS)
  return `local ${digits.join(', ')} = string.byte(text, 1, ${UNITS})
    local cost, many = ${luaValue(digits)}, (#text - ${COST_CHARACTERS}) / ${WINDOW_CHARACTERS}`
}

/** Lua that reads `limit` and `length` in ms of the `i`th window out of `text`. */
export function readWindow(): string {
  const [limit, length] = [named('l', UNITS), named('s', SECONDS)]
  const first = `${COST_CHARACTERS - WINDOW_CHARACTERS + 1} + ${WINDOW_CHARACTERS} * i`
  return `local ${[...limit, ...length].join(', ')} = string.byte(text, ${first}, ${COST_CHARACTERS} + ${WINDOW_CHARACTERS} * i)
        local limit, length = ${luaValue(limit)}, (${luaValue(length)}) * 1000`
}
