import { connect, type Socket } from 'node:net'

/** A request and its answer, on the machine's monotonic clock in milliseconds. */
export interface Served {
  readonly sentAt: number
  readonly answeredAt: number
  readonly status: number
}

/** What callers have seen. */
export interface Seen {
  /** What was answered with 200. */
  readonly served: readonly Served[]
  /** What was answered with anything else. */
  readonly refused: readonly Served[]
}

/** Who calls, and for how long. */
export interface CallersOptions {
  readonly urls: readonly string[]
  readonly path: string
  readonly apiKey: string
  /** Connections to each of `urls`, each kept open; one request at a time. */
  readonly connections: number
  /** Milliseconds after which nobody begins another request. */
  readonly durationMs: number
  /** Milliseconds to rest after a refusal, so that refusals leave the machine time for the rest. */
  readonly restMs: number
}

/** Lets callers ask in a closed loop over kept connections: each sends as soon as it has its answer. */
export async function callFromAll(options: CallersOptions): Promise<Seen> {
  const served: Served[] = []
  const refused: Served[] = []
  const endAt = performance.now() + options.durationMs
  const request = `GET ${options.path} HTTP/1.1\r\nHost: fleet\r\nAuthorization: Bearer ${options.apiKey}\r\n\r\n`

  async function call(url: string): Promise<void> {
    const connection = await openConnection(url)
    while (performance.now() < endAt) {
      const sentAt = performance.now()
      const status = await connection.ask(request)
      const seen = { sentAt, answeredAt: performance.now(), status }
      if (status === 200) served.push(seen)
      else {
        refused.push(seen)
        await new Promise((resolve) => setTimeout(resolve, options.restMs))
      }
    }
    connection.close()
  }

  const places = options.urls.flatMap((url) => Array<string>(options.connections).fill(url))
  await Promise.all(places.map(call))
  return { served, refused }
}

/** The earliest instant of any; Infinity of none. */
export function earliest(all: readonly Served[], instant: 'sentAt' | 'answeredAt'): number {
  return all.reduce((least, seen) => Math.min(least, seen[instant]), Number.POSITIVE_INFINITY)
}

/**
 * Finds the window in which the most requests were served: of those that lie wholly in it, so that each was certainly
 * admitted within it, on whichever clock of the same speed.
 */
export function mostInAnyWindow(served: readonly Served[], windowMs: number): number {
  const ends = served.map(({ answeredAt }) => answeredAt)
  return served.reduce((most, { sentAt }) => {
    const within = ends.filter((end, index) => served[index]!.sentAt >= sentAt && end <= sentAt + windowMs)
    return Math.max(most, within.length)
  }, 0)
}

interface Connection {
  /** Sends a request and waits for the whole answer. @returns Its status. */
  ask(request: string): Promise<number>
  close(): void
}

function openConnection(url: string): Promise<Connection> {
  const { hostname, port } = new URL(url)
  const socket = connect(Number(port), hostname)
  socket.setNoDelay(true).setEncoding('latin1')
  return new Promise((resolve, reject) => {
    socket.once('error', reject)
    socket.once('connect', () => resolve(connectionOver(socket)))
  })
}

function connectionOver(socket: Socket): Connection {
  let received = ''
  let waiting: { resolve(status: number): void; reject(error: Error): void } | undefined
  socket.on('data', (text: string) => {
    received += text
    const headEnd = received.indexOf('\r\n\r\n')
    if (headEnd < 0) return
    const length = /\r\ncontent-length: (\d+)/i.exec(received)?.[1]
    if (length === undefined) return waiting?.reject(new Error(`An answer without a length: ${received}`))
    if (received.length < headEnd + 4 + Number(length)) return
    const status = Number(received.slice(9, 12))
    received = ''
    waiting?.resolve(status)
  })
  socket.on('close', () => waiting?.reject(new Error('The instance closed a connection.')))
  return {
    ask(request) {
      return new Promise((resolve, reject) => {
        waiting = { resolve, reject }
        socket.write(request)
      })
    },
    close: () => void socket.destroy(),
  }
}
