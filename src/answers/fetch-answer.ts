import type { Denial } from './denial.ts'

/** Makes a fetch response of a denial; without a body for HEAD. */
export function answerFetch(denial: Denial, method: string): Response {
  const body = method === 'HEAD' ? null : denial.body
  return new Response(body, { status: denial.status, headers: Object.fromEntries(denial.headers) })
}

/**
 * Sets header fields of a fetch response: on itself, or on a copy where its headers cannot be changed (redirects,
 * what `fetch` returned). One that switches protocols stays as it is: a copy would lose the connection.
 */
export function withFetchHeaders(response: Response, headers: Denial['headers']): Response {
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
