import type { FinishedAnswer, HeaderFields } from './finished-answer.ts'

/** Makes a fetch response of an answer; without a body for HEAD, and where the status has none. */
export function answerFetch({ status, headers, body }: FinishedAnswer, method: string): Response {
  const isBodiless = method === 'HEAD' || status === 204 || status === 304 || body.length === 0
  return new Response(isBodiless ? null : (body as BodyInit), { status, headers: new Headers(headers as never) })
}

/**
 * Sets header fields of a fetch response: on itself, or on a copy where its headers cannot be changed (redirects,
 * what `fetch` returned). One that switches protocols stays as it is: a copy would lose the connection.
 */
export function withFetchHeaders(response: Response, headers: HeaderFields): Response {
  if (response.status === 101) return response
  try {
    for (const [name, value] of headers) response.headers.set(name, value)
    return response
  } catch {
    const copy = new Response(response.body, response)
    for (const [name, value] of headers) copy.headers.set(name, value)
    return copy
  }
}
