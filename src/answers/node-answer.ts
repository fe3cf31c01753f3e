import type { Denial } from './denial.ts'

/** The part of Node's `ServerResponse` (HTTP/1.1 and the HTTP/2 compatibility API) that is written. */
export interface NodeResponseLike {
  /** HTTP status to send. */
  statusCode: number
  readonly headersSent: boolean
  setHeader(name: string, value: string): unknown
  removeHeader(name: string): unknown
  end(body: string): unknown
}

/** Fields about a body that a handler set before it failed: they do not fit the answer's. */
const CONTENT_FIELDS = ['Content-Encoding', 'Content-Language', 'Content-Range', 'Transfer-Encoding']
const encoder = new TextEncoder()

/** Sends a denial as a Node response. Does nothing where somebody else, such as a timeout, has answered meanwhile. */
export function answerNode(response: NodeResponseLike, denial: Denial): void {
  if (response.headersSent) return
  response.statusCode = denial.status
  for (const name of CONTENT_FIELDS) response.removeHeader(name)
  setNodeHeaders(response, denial.headers)
  response.setHeader('Content-Length', String(encoder.encode(denial.body).length))
  response.end(denial.body)
}

/** Sets header fields of a Node response: the fast way on Express, and on Hono below which there is Node. */
export function setNodeHeaders(response: NodeResponseLike, headers: Denial['headers']): void {
  if (response.headersSent) return
  for (let index = 0; index < headers.length; index++) {
    const field = headers[index]!
    response.setHeader(field[0], field[1])
  }
}
