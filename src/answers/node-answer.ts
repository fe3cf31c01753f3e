import type { FinishedAnswer, HeaderFields } from './finished-answer.ts'

/** The part of Node's `ServerResponse` (HTTP/1.1 and the HTTP/2 compatibility API) that is written. */
export interface NodeResponseLike {
  /** HTTP status to send. */
  statusCode: number
  readonly headersSent: boolean
  setHeader(name: string, value: string | readonly string[]): unknown
  removeHeader(name: string): unknown
  end(body: string | Uint8Array): unknown
}

/** Fields about a body that a handler set before it failed: they do not fit the answer's. */
const CONTENT_FIELDS = ['Content-Encoding', 'Content-Language', 'Content-Range', 'Transfer-Encoding']
const encoder = new TextEncoder()

/** Sends an answer as a Node response. Does nothing where somebody else, such as a timeout, has answered meanwhile. */
export function answerNode(response: NodeResponseLike, answer: FinishedAnswer): void {
  if (response.headersSent) return
  response.statusCode = answer.status
  for (const name of CONTENT_FIELDS) response.removeHeader(name)
  setNodeHeaders(response, answer.headers)
  if (typeof answer.body !== 'string') setRepeated(response, answer.headers)
  const body = typeof answer.body === 'string' ? encoder.encode(answer.body) : answer.body
  const isBodiless = answer.status === 204 || answer.status === 304
  if (!isBodiless) response.setHeader('Content-Length', String(body.length))
  response.end(isBodiless ? '' : body)
}

/** Sets header fields of a Node response: the fast way on Express, and on Hono below which there is Node. */
export function setNodeHeaders(response: NodeResponseLike, headers: HeaderFields): void {
  if (response.headersSent) return
  for (let index = 0; index < headers.length; index++) {
    const field = headers[index]!
    response.setHeader(field[0], field[1])
  }
}

/** Sets fields that a response which is given again has more than once. */
function setRepeated(response: NodeResponseLike, headers: HeaderFields): void {
  const lines = new Map<string, string[]>()
  for (const [name, value] of headers) {
    const before = lines.get(name.toLowerCase())
    if (before === undefined) lines.set(name.toLowerCase(), [value])
    else response.setHeader(name, [...before, value])
    before?.push(value)
  }
}
