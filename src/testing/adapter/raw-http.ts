import { connect } from 'node:net'

/** A response as it came over the socket. */
export interface RawResponse {
  /** HTTP status. */
  readonly status: number
  /** Names as sent and values, in order; a repeated field comes twice. */
  readonly fields: readonly (readonly [string, string])[]
  /** Body, decoded as UTF-8; chunks put together. */
  readonly body: string
  /** Value of the only field of that name, in any case; `undefined` where there is none. @throws {Error} When there are two. */
  field(name: string): string | undefined
  /** The body, parsed. @throws {Error} When it is no JSON. */
  json(): unknown
}

/** What came back on a connection. */
export interface RawExchange {
  readonly responses: readonly RawResponse[]
  /** Everything as it came, one character a byte. */
  readonly text: string
}

const GIVE_UP_MS = 20_000

/**
 * Writes bytes to a server and reads until it has sent a number of responses or has closed the connection.
 *
 * @param port - Port at 127.0.0.1.
 * @param bytes - One character a byte: what `latin1` makes of it.
 * @param methods - Method of each request, in order: a response to HEAD has no body. One response is awaited for each.
 * @throws {Error} When nothing more comes for 20 seconds.
 */
export function exchange(port: number, bytes: string, methods: readonly string[]): Promise<RawExchange> {
  return new Promise((resolve, reject) => {
    let text = ''
    const socket = connect(port, '127.0.0.1', () => socket.write(bytes, 'latin1'))
    const finish = (): void => {
      socket.destroy()
      resolve({ responses: parseResponses(text, methods, true), text })
    }
    socket.setEncoding('latin1')
    socket.setTimeout(GIVE_UP_MS, () => socket.destroy(new Error(`no answer in ${GIVE_UP_MS} ms; so far: ${text}`)))
    socket.on('data', (chunk: string) => {
      text += chunk
      // Parsing many pipelined responses over and over would take longer than sending them.
      if (text.split('HTTP/1.1 ').length <= methods.length) return
      if (parseResponses(text, methods, false).length >= methods.length) finish()
    })
    socket.on('end', finish)
    socket.on('error', (error: NodeJS.ErrnoException) => (error.code === 'ECONNRESET' ? finish() : reject(error)))
  })
}

/** Reads as many whole responses as there are. */
function parseResponses(text: string, methods: readonly string[], hasEnded: boolean): readonly RawResponse[] {
  const responses: RawResponse[] = []
  for (let at = 0; at < text.length; ) {
    const found = parseResponse(text, at, methods[responses.length] ?? 'GET', hasEnded)
    if (found === undefined) break
    responses.push(found.response)
    at = found.end
  }
  return responses
}

function parseResponse(
  text: string,
  from: number,
  method: string,
  hasEnded: boolean,
): { readonly response: RawResponse; readonly end: number } | undefined {
  const bodyAt = text.indexOf('\r\n\r\n', from) + 4
  if (bodyAt < 4) return undefined
  const [statusLine = '', ...lines] = text.slice(from, bodyAt - 4).split('\r\n')
  const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(statusLine)?.[1])
  const fields = lines.map(
    (line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1).trim()] as const,
  )
  const field = (name: string): string | undefined => onlyValue(fields, name)
  const body = readBody(text, bodyAt, hasNoBody(method, status) ? '0' : field('content-length'), field, hasEnded)
  if (body === undefined) return undefined
  const decoded = new TextDecoder().decode(Uint8Array.from(body.bytes, (character) => character.charCodeAt(0)))
  return { response: { status, fields, body: decoded, field, json: () => JSON.parse(decoded) }, end: body.end }
}

function readBody(
  text: string,
  from: number,
  length: string | undefined,
  field: (name: string) => string | undefined,
  hasEnded: boolean,
): { readonly bytes: string; readonly end: number } | undefined {
  if (length !== undefined) {
    const end = from + Number(length)
    return end <= text.length ? { bytes: text.slice(from, end), end } : undefined
  }
  if (field('transfer-encoding') === 'chunked') return readChunks(text, from)
  return hasEnded ? { bytes: text.slice(from), end: text.length } : undefined
}

function readChunks(text: string, from: number): { readonly bytes: string; readonly end: number } | undefined {
  let bytes = ''
  for (let at = from; ; ) {
    const dataAt = text.indexOf('\r\n', at) + 2
    if (dataAt < 2) return undefined
    const size = Number.parseInt(text.slice(at, dataAt), 16)
    const end = dataAt + size + 2
    if (end > text.length) return undefined
    bytes += text.slice(dataAt, dataAt + size)
    if (size === 0) return { bytes, end }
    at = end
  }
}

function hasNoBody(method: string, status: number): boolean {
  return method === 'HEAD' || status === 204 || status === 304
}

function onlyValue(fields: RawResponse['fields'], name: string): string | undefined {
  const values = fields.filter(([field]) => field.toLowerCase() === name.toLowerCase()).map(([, value]) => value)
  if (values.length > 1) throw new Error(`${name} was sent ${values.length} times: ${values.join(' | ')}`)
  return values[0]
}
