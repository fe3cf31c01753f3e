import type * as z from 'zod'
import { ConfigError } from './model/errors.ts'

/**
 * Checks options against a rule.
 *
 * @throws {ConfigError} Quoting the first option that breaks it, and the rule.
 */
export function checkOptions<T extends z.ZodType>(of: string, checked: T, options: unknown): z.output<T> {
  const result = checked.safeParse(options)
  if (result.success) return result.data
  const [issue] = result.error.issues
  throw new ConfigError(`${[of, ...(issue?.path ?? [])].join('.')}: ${issue?.message ?? 'is not valid'}`)
}
