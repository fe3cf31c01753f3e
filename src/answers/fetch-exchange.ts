import { withFetchHeaders } from './fetch-answer.ts'
import type { OpenExchange } from './open-exchange.ts'

type Reader = ReadableStreamDefaultReader<Uint8Array>
type Read = ReadableStreamReadResult<Uint8Array>

/**
 * Looks after a fetch response until it has ended. One whose body is there is read, handed over and made anew once the
 * exchange has ended; a stream goes through as it comes, and only its end is held back. A body is there when its length
 * is declared, or when it ends within one turn of the event loop.
 *
 * @returns The response to send in its place.
 */
export async function watchFetch(response: Response, exchange: OpenExchange): Promise<Response> {
  const { status, body } = response
  const headers = Array.from(response.headers)
  const end = (bytes: Uint8Array | undefined) => exchange.end({ status, headers, body: bytes })
  if (body === null) return withFetchHeaders(response, await end(new Uint8Array(0)))
  if (!exchange.outlastsHead) return withFetchHeaders(response, await end(undefined))
  const pieces = new Pieces(body.getReader())
  const whole = await wholeBody(response, pieces, exchange.maxBodyBytes)
  if (whole === undefined)
    return new Response(
      pieces.passOn(
        () => end(undefined),
        () => exchange.abandon(true),
      ),
      response,
    )
  const fields = await end(whole)
  return withFetchHeaders(new Response(whole.length === 0 ? null : (whole as BodyInit), response), fields)
}

/** Reads a body that is there and not too long. Events are a stream, however many of them there are. */
function wholeBody(
  { headers }: Response,
  pieces: Pieces,
  maxBodyBytes: number | undefined,
): Promise<Uint8Array | undefined> | undefined {
  if (maxBodyBytes === undefined || headers.get('content-type')?.startsWith('text/event-stream')) return undefined
  return pieces.readWhole(maxBodyBytes, headers.has('content-length'))
}

/** A body in pieces, of which the first may have been read ahead. */
class Pieces {
  readonly #reader: Reader
  readonly #ahead: Promise<Read>[] = []

  constructor(reader: Reader) {
    this.#reader = reader
  }

  /** @returns `undefined` for a body that is longer, or takes its time; whatever was read of it is not lost. */
  async readWhole(mostBytes: number, isPatient: boolean): Promise<Uint8Array | undefined> {
    const turn = isPatient ? undefined : new Promise<undefined>((resolve) => setTimeout(resolve, 0))
    const chunks: Uint8Array[] = []
    let size = 0
    for (;;) {
      const next = this.#reader.read()
      this.#ahead.push(next)
      const read = await (turn === undefined ? next : Promise.race([next, turn])).catch(() => undefined)
      if (read === undefined) return undefined
      if (read.done) return new Uint8Array(await new Blob(chunks as BlobPart[]).arrayBuffer())
      chunks.push(read.value)
      size += read.value.length
      if (size > mostBytes) return undefined
    }
  }

  /** The whole body as a stream, which ends when `onEnd` has resolved. */
  passOn(onEnd: () => unknown, onBroken: () => void): ReadableStream<Uint8Array> {
    const reader = this.#reader
    const ahead = this.#ahead
    return new ReadableStream<Uint8Array>(
      {
        async pull(controller) {
          try {
            const { done, value } = await (ahead.shift() ?? reader.read())
            if (!done) return controller.enqueue(value)
            await onEnd()
            controller.close()
          } catch (error) {
            onBroken()
            controller.error(error)
          }
        },
        async cancel(reason) {
          onBroken()
          await reader.cancel(reason)
        },
      },
      { highWaterMark: 0 },
    )
  }
}
