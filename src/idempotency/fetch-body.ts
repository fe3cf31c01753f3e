import { ConfigError } from '../model/errors.ts'
import { GONE, joined, type ReadBody } from './node-body.ts'

/**
 * Reads the bytes of a fetch request's body from a copy of the request, so that the handler finds its own untouched.
 *
 * @param mostBytes - How many bytes are held at most.
 * @throws {ConfigError} When somebody has read it before.
 */
export async function readFetchBody(
  request: Pick<Request, 'clone' | 'body' | 'bodyUsed'>,
  mostBytes: number,
): Promise<ReadBody> {
  if (request.bodyUsed) throw new ConfigError(GONE)
  const reader = request.body === null ? undefined : request.clone().body?.getReader()
  if (reader === undefined) return new Uint8Array(0)
  const chunks: Uint8Array[] = []
  let size = 0
  try {
    for (;;) {
      const { done, value } = await reader.read()
      if (done) return joined(chunks, size)
      chunks.push(value)
      size += value.length
      if (size > mostBytes) {
        // Not awaited: the copy's cancellation waits for the original's, which is the handler's.
        reader.cancel().catch(() => {})
        return 'too_large'
      }
    }
  } catch {
    return 'aborted'
  }
}

/** Takes the bytes of a body that a framework has read already, and kept. */
export async function keptBody(bytes: Promise<ArrayBuffer>, mostBytes: number): Promise<ReadBody> {
  const body = new Uint8Array(await bytes)
  return body.length > mostBytes ? 'too_large' : body
}
