import { once } from 'node:events'
import { connect, type Socket } from 'node:net'

/** What is sent, and how. */
export interface Load {
  readonly port: number
  /** One is sent after the other, over and over. */
  readonly keys: readonly string[]
  readonly connections: number
  /** Requests in flight on each connection. */
  readonly depth: number
  readonly durationMs: number
}

const ANSWER = '{"ok":true}'

/**
 * Sends `GET /` as fast as it is answered, and counts. It parses nothing but the end of each body, so that one core
 * of it keeps any server busy.
 *
 * @returns Requests that were answered.
 * @throws {Error} When one was refused.
 */
export async function sendLoad({ port, keys, connections, depth, durationMs }: Load): Promise<number> {
  const requests = keys.map((key) => `GET / HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${key}\r\n\r\n`)
  const requestBytes = requests[0]!.length
  const twice = Buffer.from([...requests, ...requests].join(''), 'latin1')
  let next = 0
  let answered = 0
  let refusal: string | undefined
  let isOver = false

  function send(socket: Socket, count: number): void {
    socket.write(twice.subarray(next * requestBytes, (next + count) * requestBytes))
    next = (next + count) % keys.length
  }

  async function keepBusy(): Promise<void> {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true })
    await once(socket, 'connect')
    let carried = ''
    socket.on('data', (bytes) => {
      const text = carried + bytes.toString('latin1')
      if (text.includes('HTTP/1.1 4')) refusal = text.slice(0, 500)
      let count = 0
      for (let at = text.indexOf(ANSWER); at >= 0; at = text.indexOf(ANSWER, at + ANSWER.length)) count += 1
      carried = text.slice(1 - ANSWER.length)
      answered += count
      if (isOver || refusal !== undefined) socket.destroy()
      else if (count > 0) send(socket, count)
    })
    send(socket, depth)
    await once(socket, 'close')
  }

  const all = Promise.all(Array.from({ length: connections }, keepBusy))
  await new Promise((over) => setTimeout(over, durationMs))
  isOver = true
  await all
  if (refusal !== undefined) throw new Error(`A request was refused: ${refusal}`)
  return answered
}
