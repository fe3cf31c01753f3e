import { InvalidInputError } from '../../model/errors.ts'

/** U+0000 and lone surrogates: databases refuse them or keep another text, and two owners could become one. */
const UNSTORABLE = /[\0\ud800-\udfff]/u

/** Returns what is bound to a statement. @throws {InvalidInputError} When it is text that no database keeps as it is. */
export function checkText<T>(value: T): T {
  if (typeof value === 'string' && UNSTORABLE.test(value))
    throw new InvalidInputError([{ path: [], message: 'Text must not contain U+0000 or half a surrogate pair.' }])
  return value
}

/** Longest text that is looked up by, in bytes of UTF-8: an index row of every database holds two of them. */
const MAX_INDEXED_BYTES = 1_024

/** @throws {InvalidInputError} When a text is longer than an index holds: some servers would cut it. */
export function checkIndexed(...texts: readonly string[]): void {
  for (const text of texts)
    if (text.length * 3 > MAX_INDEXED_BYTES && Buffer.byteLength(text) > MAX_INDEXED_BYTES)
      throw new InvalidInputError([
        { path: [], message: `Ids, owners and names that are looked up have at most ${MAX_INDEXED_BYTES} bytes.` },
      ])
}
