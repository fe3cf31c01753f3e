/** The condition of a request, or the fact that it cannot be read. */
export type Condition = { readonly ifVersion: number | undefined } | { readonly refused: 'bad_request' }

/** A version that nothing has: a tag that is not one of ours, or a weak one, matches nothing. */
const NO_VERSION = -1

/**
 * Reads `If-Match` (RFC 9110 section 13.1.1) with the entity tags of this API, `"<version>"`. `*` is no condition
 * beyond being there. Comparison is strong: a weak tag never matches. A list of tags is not read.
 */
export function readIfMatch(header: string | null): Condition {
  const value = header?.trim()
  if (value === undefined || value === '*') return { ifVersion: undefined }
  const [, weak, tag] = /^(W\/)?"([\x21\x23-\x7e\x80-\xff]*)"$/.exec(value) ?? []
  if (tag === undefined) return { refused: 'bad_request' }
  return { ifVersion: weak === undefined && /^(0|[1-9]\d{0,14})$/.test(tag) ? Number(tag) : NO_VERSION }
}

/** Writes a version as an entity tag. */
export function entityTag(version: number): string {
  return `"${version}"`
}
