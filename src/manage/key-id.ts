import { NotFoundError } from '../index.ts'

/**
 * Takes a key's id out of a path.
 *
 * @throws {NotFoundError} For what is no key's id: no store is asked.
 */
export function keyId(text: string): string {
  if (/^key_[0-9A-HJKMNP-TV-Z]{26}$/.test(text)) return text
  throw new NotFoundError('There is no such key.')
}
