import { NotFoundError } from '../index.ts'

/** Says whether a text is written as a key's id is. */
export function isKeyId(text: string): boolean {
  return /^key_[0-9A-HJKMNP-TV-Z]{26}$/.test(text)
}

/**
 * Takes a key's id out of a path.
 *
 * @throws {NotFoundError} For what is no key's id: no store is asked.
 */
export function keyId(text: string): string {
  if (isKeyId(text)) return text
  throw new NotFoundError('There is no such key.')
}
