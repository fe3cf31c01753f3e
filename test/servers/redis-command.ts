import { connect, type Socket } from 'node:net'

/** What Redis answers to a command. */
export type Reply = string | number | null | Reply[]

/**
 * Sends one command to a Redis server on a connection of its own.
 *
 * @param url - Address of the server; a password in it is used.
 * @param timeoutMs - Milliseconds after which it gives up. Default 1000.
 * @throws When the server cannot be reached or answers with an error.
 */
export async function redisCommand(
  url: string,
  command: readonly (string | number)[],
  timeoutMs = 1_000,
): Promise<Reply> {
  const { hostname, port, username, password } = new URL(url)
  const socket = connect(Number(port || 6379), hostname)
  const commands: (readonly (string | number)[])[] = [command]
  if (password !== '') commands.unshift(['AUTH', ...(username === '' ? [] : [username]), decodeURIComponent(password)])
  try {
    socket.write(commands.map(encode).join(''))
    const replies = await repliesOf(socket, commands.length, timeoutMs)
    return replies.at(-1) ?? null
  } catch (error) {
    throw new Error(`${command.join(' ')} to port ${port}: ${error instanceof Error ? error.message : String(error)}`)
  } finally {
    socket.destroy()
  }
}

function encode(command: readonly (string | number)[]): string {
  const parts = command.map(String)
  return `*${parts.length}\r\n${parts.map((part) => `$${Buffer.byteLength(part)}\r\n${part}\r\n`).join('')}`
}

function repliesOf(socket: Socket, count: number, timeoutMs: number): Promise<Reply[]> {
  return new Promise((resolve, reject) => {
    let received = ''
    socket.setTimeout(timeoutMs, () => reject(new Error(`no answer in ${timeoutMs} ms`)))
    socket.once('error', reject)
    socket.once('close', () => reject(new Error('the connection was closed')))
    // One character a byte, so that lengths are what Redis says.
    socket.setEncoding('latin1').on('data', (text) => {
      received += text
      try {
        const reader = new ReplyReader(received)
        const replies = Array.from({ length: count }, () => reader.read())
        if (!reader.isShort) resolve(replies)
      } catch (error) {
        reject(error)
      }
    })
  })
}

class ReplyReader {
  isShort = false
  readonly #text: string
  #at = 0

  constructor(text: string) {
    this.#text = text
  }

  read(): Reply {
    const line = this.#take(this.#text.indexOf('\r\n', this.#at) - this.#at)
    if (this.isShort) return null
    const rest = line.slice(1)
    if (line[0] === '-') throw new Error(rest)
    if (line[0] === ':') return Number(rest)
    if (line[0] === '$') return rest === '-1' ? null : Buffer.from(this.#take(Number(rest)), 'latin1').toString()
    if (line[0] === '*') return rest === '-1' ? null : Array.from({ length: Number(rest) }, () => this.read())
    return rest
  }

  #take(length: number): string {
    if (length < 0 || this.#at + length + 2 > this.#text.length) this.isShort = true
    if (this.isShort) return ''
    const taken = this.#text.slice(this.#at, this.#at + length)
    this.#at += length + 2
    return taken
  }
}
