import type { RequestContext } from '../index.ts'
import type { Download } from './route-rules.ts'

/**
 * Answers with text that is made while it is sent. Nothing is sent before the first part is there: what fails until then is
 * an answer of its own, and what fails later breaks the connection off.
 */
export async function answerDownload(
  received: RequestContext,
  status: number,
  { text, contentType, fileName }: Download,
): Promise<Response> {
  const parts = text[Symbol.asyncIterator]()
  const first = await parts.next()
  return new Response(streamOf(first, parts), {
    status,
    headers: {
      'Content-Type': contentType,
      'Content-Disposition': `attachment; filename="${fileName}"`,
      'Cache-Control': 'no-store',
      'X-Content-Type-Options': 'nosniff',
      [received.profile.requestId.header]: received.requestId,
    },
  })
}

/** Says whether an answer is made while it is sent, and must not be read whole first. */
export function isDownload(answer: Response): answer is Response & { readonly body: ReadableStream<Uint8Array> } {
  return answer.body !== null && answer.headers.has('content-disposition')
}

/** A stream that asks for a part when the one before is sent. */
function streamOf(first: IteratorResult<string>, parts: AsyncIterator<string>): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder()
  let ahead: IteratorResult<string> | undefined = first
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const part = ahead ?? (await parts.next())
        ahead = undefined
        if (part.done === true) controller.close()
        else controller.enqueue(encoder.encode(part.value))
      },
      async cancel() {
        await parts.return?.()
      },
    },
    { highWaterMark: 0 },
  )
}
