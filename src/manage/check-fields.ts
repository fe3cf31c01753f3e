import type * as z from 'zod'
import { type InputIssue, InvalidInputError } from '../index.ts'

/** A client who sends thousands of wrong fields need not be told of each. */
const MAX_ISSUES = 32
const MAX_NAME_CHARACTERS = 64

/**
 * Checks what came in against a rule, every field that the rule does not know included. Messages never repeat a value.
 *
 * @throws {InvalidInputError} Naming the fields, 32 at most.
 */
export function checkFields<T extends z.ZodType>(rule: T, input: unknown): z.output<T> {
  const result = rule.safeParse(input)
  if (result.success) return result.data
  throw new InvalidInputError(result.error.issues.flatMap(issuesOf).slice(0, MAX_ISSUES))
}

function issuesOf(issue: z.core.$ZodIssue): InputIssue[] {
  const path = issue.path.map((part) => (typeof part === 'number' ? part : nameOf(String(part))))
  if (issue.code !== 'unrecognized_keys') return [{ path, message: issue.message }]
  return issue.keys.map((key) => ({ path: [...path, nameOf(key)], message: 'is not a field of this request' }))
}

function nameOf(field: string): string {
  return field.slice(0, MAX_NAME_CHARACTERS)
}
