import type { Channel } from 'keyward'
import { postgresChannel } from 'keyward/postgres'
import { redisChannel } from 'keyward/redis'
import pg from 'pg'
import { type Closing, openIoredis, openPool } from './instance-clients.ts'
import type { InstanceConfig } from './instance-config.ts'

/** Opens the channel that an instance is configured with. */
export function openChannel(config: InstanceConfig, closing: Closing): Channel | undefined {
  if (config.channel === undefined) return undefined
  if (config.channel === 'postgres') {
    const url = config.channelUrl ?? config.databaseUrl
    return postgresChannel({ listener: () => new pg.Client(url), publisher: openPool(url, 2, closing) })
  }
  const url = config.channelUrl ?? config.redisUrl ?? config.redisClusterUrls?.[0]
  if (url === undefined) throw new Error('A Redis channel needs channelUrl, redisUrl or redisClusterUrls.')
  return redisChannel(openIoredis(url, closing), openIoredis(url, closing))
}
