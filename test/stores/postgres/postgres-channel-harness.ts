import { randomBytes } from 'node:crypto'
import pg from 'pg'
import postgres from 'postgres'
import type { Channel } from '../../../src/model/channel.ts'
import { type PostgresChannelSource, postgresChannel } from '../../../src/stores/postgres/postgres-channel.ts'
import type { ChannelHarness } from '../../../src/testing/channel/channel-case.ts'

/** A driver by which channels listen and speak. */
export interface ChannelDriver {
  /** Listens at an address, under a name that can be seen in `pg_stat_activity`. */
  source(listenUrl: string, application: string): PostgresChannelSource
  close(): Promise<void>
}

/** Channels by pg: a client for each connection, and a pool of its own to publish. */
export function pgDriver(url: string): ChannelDriver {
  const publisher = new pg.Pool({ connectionString: url, max: 4 })
  // A server that is killed ends idle connections too.
  publisher.on('error', () => {})
  return {
    source: (listenUrl, application) => ({
      publisher,
      listener: () => new pg.Client({ connectionString: listenUrl, application_name: application }),
    }),
    close: () => publisher.end(),
  }
}

/** Channels by postgres.js. */
export function postgresJsDriver(url: string): ChannelDriver {
  const publisher = postgres(url, { max: 4 })
  return {
    source: (listenUrl, application) => ({
      publisher,
      listener: (options) => postgres(listenUrl, { ...options, connection: { application_name: application } }),
    }),
    close: () => publisher.end({ timeout: 1 }),
  }
}

/** Cuts by having the server end the backend that listens. */
export function channelHarness(driver: ChannelDriver, url: string, admin: pg.Pool): ChannelHarness {
  return {
    createChannel() {
      const name = `test_${randomBytes(6).toString('hex')}`
      const open = (application: string): Channel => postgresChannel(driver.source(url, application), { channel: name })
      return {
        channel: open(name),
        another: () => open(`${name}_other`),
        async cut() {
          const { rowCount } = await admin.query(
            'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1',
            [name],
          )
          if (rowCount !== 1) throw new Error(`expected one listening connection, found ${rowCount}`)
        },
      }
    },
  }
}
