import type { ChannelListener } from '../../model/channel.ts'
import { withinDeadline } from '../../model/deadline.ts'
import type { ChannelEar } from './postgres-channel-ear.ts'

/** The members of a `Client` of pg that are used. It can be connected once. */
export interface PgListener {
  connect(): Promise<unknown>
  query(text: string): Promise<unknown>
  on(event: 'notification', hear: (message: { channel: string; payload?: string | undefined }) => void): unknown
  on(event: 'error', fail: (error: Error) => void): unknown
  on(event: 'end', end: () => void): unknown
  end(): Promise<void>
  /** Where the socket is, for a server that does not answer. */
  readonly connection?: { readonly stream?: { destroy(): unknown } }
}

/** Milliseconds that connecting and beginning to listen may take. */
export const ATTACH_MS = 2000
const FAREWELL_MS = 300
const SHORTEST_PAUSE_MS = 100
const LONGEST_PAUSE_MS = 2000

/** A name, and who listens to it. */
interface Subscription {
  readonly channel: string
  readonly listener: ChannelListener
}

/** Listens with one client after the other: at once after a loss, then after pauses that double. */
export function startPgEar(first: PgListener, createClient: () => PgListener, subscription: Subscription): ChannelEar {
  let current: PgListener | undefined
  let timer: ReturnType<typeof setTimeout> | undefined
  let pauseMs = 0
  let attached = false
  let closed = false

  async function attach(client: PgListener): Promise<void> {
    current = client
    const { channel, listener } = subscription
    client.on('notification', (message) => {
      if (client === current && message.channel === channel) listener.heard(message.payload ?? '')
    })
    // Without a listener an error would end the process.
    client.on('error', () => lose(client))
    client.on('end', () => lose(client))
    try {
      await withinDeadline(listen(client, channel), ATTACH_MS)
    } catch (cause) {
      lose(client)
      throw cause
    }
    if (client !== current) throw new Error('The connection was lost at once.')
    pauseMs = 0
    listener.connected()
  }

  function lose(client: PgListener): void {
    if (client !== current) return
    current = undefined
    void discard(client)
    if (attached) tryAgainLater()
  }

  function tryAgainLater(): void {
    if (closed) return
    timer = setTimeout(() => void tryAgain(), pauseMs)
    pauseMs = Math.min(LONGEST_PAUSE_MS, Math.max(SHORTEST_PAUSE_MS, pauseMs * 2))
  }

  async function tryAgain(): Promise<void> {
    let client: PgListener
    try {
      client = createClient()
    } catch {
      tryAgainLater()
      return
    }
    // What fails is lost, and tried again.
    await attach(client).catch(() => {})
  }

  async function begin(): Promise<void> {
    await attach(first)
    attached = true
    if (current === undefined) tryAgainLater()
  }

  return {
    ready: begin(),
    async close() {
      closed = true
      clearTimeout(timer)
      const client = current
      current = undefined
      if (client !== undefined) await discard(client)
    },
  }
}

async function listen(client: PgListener, channel: string): Promise<void> {
  await client.connect()
  await client.query(`LISTEN "${channel}"`)
}

/** Ends a client, and does not wait for a server that is silent. */
async function discard(client: PgListener): Promise<void> {
  try {
    await withinDeadline(client.end(), FAREWELL_MS)
  } catch {
    client.connection?.stream?.destroy()
  }
}
