import type { DenialCode } from '../index.ts'

/** More than any body of this API has: 64 kB. */
const MAX_BODY_BYTES = 65_536
/** A key's metadata has 32 levels at most. */
const MAX_DEPTH = 64

/** What a body holds, or why it cannot be read. */
export type ReadBody = { readonly json: unknown } | { readonly refused: DenialCode }

/**
 * Reads a JSON body (RFC 8259): UTF-8 without a byte order mark, at most 65,536 bytes and 64 levels. Of members with
 * one name the last counts, for checks and storage alike, because the text is parsed once. No body is `{}`.
 *
 * @param contentType - Must be `application/json`, and UTF-8 where it names a charset, unless there is no body.
 * @param readBytes - Is called only when the content type is right or absent. Bytes are counted, not believed.
 */
export async function readJson(
  contentType: string | null,
  readBytes: (mostBytes: number) => Promise<Uint8Array | undefined>,
): Promise<ReadBody> {
  if (contentType !== null && !isJson(contentType)) return { refused: 'unsupported_media_type' }
  const bytes = await readBytes(MAX_BODY_BYTES)
  if (bytes === undefined) return { refused: 'payload_too_large' }
  if (bytes.length === 0) return { json: {} }
  if (contentType === null) return { refused: 'unsupported_media_type' }
  try {
    const json: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes))
    return isShallow(json) ? { json } : { refused: 'bad_request' }
  } catch {
    return { refused: 'bad_request' }
  }
}

function isJson(contentType: string): boolean {
  const [mediaType = '', ...parameters] = contentType.toLowerCase().split(';')
  const charset = parameters.map((parameter) => parameter.trim()).find((parameter) => parameter.startsWith('charset='))
  return mediaType.trim() === 'application/json' && (charset === undefined || /^charset="?utf-8"?$/.test(charset))
}

/** Walks level by level, so that no depth can exhaust the stack. */
function isShallow(json: unknown): boolean {
  let level = [json].filter(isObject)
  for (let depth = 0; depth < MAX_DEPTH && level.length > 0; depth++)
    level = level.flatMap((value) => Object.values(value).filter(isObject))
  return level.length === 0
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}
