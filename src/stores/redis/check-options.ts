import { ConfigError } from '../../model/errors.ts'

/** Checks what every key, or the name of a channel, begins with. @throws {ConfigError} Naming the function. */
export function checkPrefix(call: string, prefix = 'keyward:'): string {
  if (typeof prefix === 'string' && prefix.length <= 64 && !/[{}]/.test(prefix)) return prefix
  throw new ConfigError(`${call}({ prefix }) must be a string of at most 64 characters without braces.`)
}

/** Checks a number. @throws {ConfigError} Naming function and option. */
export function wholeNumber(
  call: string,
  option: string,
  value: number,
  [least, most]: readonly [number, number],
): number {
  if (Number.isSafeInteger(value) && value >= least && value <= most) return value
  throw new ConfigError(`${call}({ ${option} }) must be a whole number from ${least} to ${most}.`)
}
