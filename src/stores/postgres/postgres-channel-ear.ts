import type { ChannelListener } from '../../model/channel.ts'
import { withinDeadline } from '../../model/deadline.ts'
import { ATTACH_MS, type PgListener, startPgEar } from './postgres-channel-pg.ts'

/** A client that can listen: one of pg that is not connected yet, or an instance of postgres.js. */
export type PostgresListener = PgListener | PostgresJsListener

/** The members of postgres.js that are used. */
export interface PostgresJsListener {
  listen(channel: string, heard: (message: string) => void, listening: () => void): PromiseLike<unknown>
  /** Ends every connection, by force after so many seconds. */
  end(options: {
    /** Seconds. */
    timeout: number
  }): Promise<void>
}

/** A listening connection that mends itself. */
export interface ChannelEar {
  /** Settles with the first attempt: nothing more is tried when it rejects. */
  readonly ready: Promise<void>
  /** Ends it within half a second, whatever the server does. Nothing is heard from then on. */
  close(): Promise<void>
}

/** Begins to listen, in the way of the client that is made. */
export function openEar(createClient: () => PostgresListener, channel: string, listener: ChannelListener): ChannelEar {
  const client = createClient()
  if ('listen' in client) return startPostgresJsEar(client, channel, listener)
  return startPgEar(
    client,
    () => {
      const next = createClient()
      if ('listen' in next) throw new TypeError('listener() must make clients of one kind')
      return next
    },
    { channel, listener },
  )
}

/** It connects again by itself, and says so each time. */
function startPostgresJsEar(sql: PostgresJsListener, channel: string, listener: ChannelListener): ChannelEar {
  let closed = false
  async function listen(): Promise<void> {
    await sql.listen(
      channel,
      (message) => {
        if (!closed) listener.heard(message)
      },
      () => {
        if (!closed) listener.connected()
      },
    )
  }
  return {
    ready: withinDeadline(listen(), ATTACH_MS),
    async close() {
      closed = true
      // 0 does not wait for the server.
      await sql.end({ timeout: 0 }).catch(() => {})
    },
  }
}
