/** Chunks of a body, collected up to a number of bytes. */
export class ByteLimit {
  readonly #mostBytes: number
  #chunks: Uint8Array[] = []
  #bytes = 0

  constructor(mostBytes: number) {
    this.#mostBytes = mostBytes
  }

  /** Takes a chunk. @returns Whether there is room for more; what was taken is dropped when there is not. */
  take(chunk: Uint8Array | string): boolean {
    const bytes = typeof chunk === 'string' ? new TextEncoder().encode(chunk) : chunk
    this.#bytes += bytes.length
    if (this.#bytes <= this.#mostBytes) this.#chunks.push(bytes)
    else this.#chunks = []
    return this.#bytes <= this.#mostBytes
  }

  /** All that was taken, in one piece; `undefined` when it was too much. */
  joined(): Uint8Array | undefined {
    if (this.#bytes > this.#mostBytes) return undefined
    const whole = new Uint8Array(this.#bytes)
    let at = 0
    for (const chunk of this.#chunks) {
      whole.set(chunk, at)
      at += chunk.length
    }
    return whole
  }
}

/** Reads bytes that are there already, in the manner of a body. */
export function limitBytes(bytes: Uint8Array | string, mostBytes: number): Uint8Array | undefined {
  const limit = new ByteLimit(mostBytes)
  limit.take(bytes)
  return limit.joined()
}

/** Reads a fetch body. One that is too long is left where it is: the rest belongs to the server. */
export async function readWebBody(
  body: ReadableStream<Uint8Array> | null,
  mostBytes: number,
): Promise<Uint8Array | undefined> {
  const limit = new ByteLimit(mostBytes)
  const reader = body?.getReader()
  for (let chunk = await reader?.read(); chunk?.value !== undefined; chunk = await reader?.read())
    if (!limit.take(chunk.value)) break
  reader?.releaseLock()
  return limit.joined()
}
