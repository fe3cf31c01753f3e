import type { NodeRequestLike } from '../index.ts'
import { bodylessRequest } from './arrival.ts'
import { ByteLimit, limitBytes } from './byte-limit.ts'

/** A stream of Node, as far as a body needs one. */
export interface NodeBodyLike {
  readonly readableEnded?: boolean
  readonly destroyed?: boolean
  on(event: 'data', listener: (chunk: Uint8Array | string) => void): unknown
  on(event: 'end' | 'close', listener: () => void): unknown
  on(event: 'error', listener: (error: Error) => void): unknown
  off(event: 'data', listener: (chunk: Uint8Array | string) => void): unknown
  off(event: 'end' | 'close', listener: () => void): unknown
  off(event: 'error', listener: (error: Error) => void): unknown
}

/**
 * Makes a fetch request of a Node request, without its body. Repeated header fields are joined, as
 * fetch has them.
 *
 * @param target - Path and query.
 */
export function fetchRequestOf(node: NodeRequestLike, target: string): Request {
  const headers = new Headers()
  for (let at = 0; at < node.rawHeaders.length; at += 2) {
    const name = node.rawHeaders[at] ?? ''
    if (!name.startsWith(':')) headers.append(name, node.rawHeaders[at + 1] ?? '')
  }
  const { method = 'GET', socket } = node
  const scheme = Object(socket).encrypted === true ? 'https' : 'http'
  const host = headers.get('host') ?? String(node.headers[':authority'] ?? '')
  const origin = `${scheme}://${/^[\w.:[\]-]+$/.test(host) && URL.canParse(`http://${host}`) ? host : 'localhost'}`
  return bodylessRequest(method, origin + (target.startsWith('/') ? target : `/${target}`), headers)
}

/**
 * Reads a body from a Node stream. One that is too long is left where it is, and the stream alive: Node gets rid of
 * the rest once the request is answered, and the client gets to read the answer.
 */
export function readNodeBody(stream: NodeBodyLike, mostBytes: number): Promise<Uint8Array | undefined> {
  if (stream.readableEnded) return Promise.resolve(limitBytes('', mostBytes))
  return new Promise((resolve, reject) => {
    const limit = new ByteLimit(mostBytes)
    const onData = (chunk: Uint8Array | string) => {
      if (!limit.take(chunk)) settle(() => resolve(undefined))
    }
    const onEnd = () => settle(() => resolve(limit.joined()))
    const onFailure = () => settle(() => reject(new Error('The request was broken off.')))
    const settle = (then: () => void) => {
      stream.off('data', onData)
      stream.off('end', onEnd)
      stream.off('close', onFailure)
      then()
    }
    // An error after the answer is nobody's concern, but without a listener it would end the process.
    stream.on('error', onFailure)
    stream.on('close', onFailure)
    stream.on('end', onEnd)
    stream.on('data', onData)
    if (stream.destroyed) onFailure()
  })
}
