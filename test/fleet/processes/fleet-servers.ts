import { afterAll, beforeAll } from 'vitest'
import { createDatabase, startPostgres } from '../../servers/postgres.ts'
import { startRedis } from '../../servers/redis.ts'
import { type Cluster, startRedisCluster } from '../../servers/redis-cluster.ts'
import type { Server } from '../../servers/server.ts'
import { type Instance, startFleet, stopAll } from './fleet.ts'
import type { InstanceConfig } from './instance-config.ts'

/** Where a fleet counts. Its keys are in Postgres. */
export type GateKind = 'Redis' | 'Redis Cluster' | 'Postgres'

/** Servers that the tests of a file share. */
export interface FleetServers {
  readonly postgres: Server
  readonly redis: Server
  readonly cluster: Cluster
  /** What an instance needs to be told of an empty database and a gate. */
  config(kind: GateKind): Promise<InstanceConfig>
  /** Starts instances on an empty database, all alike unless `differ` says what is different in each. */
  start(kind: GateKind, count: number, differ?: Differences): Promise<Instance[]>
  /** Starts instances on what {@link FleetServers.config} said. */
  startWith(base: InstanceConfig, count: number, differ?: Differences): Promise<Instance[]>
  /** Stops instances before the end of the file. */
  stop(fleet: readonly Instance[]): Promise<void>
}

/** What is special about each instance. */
export type Differences = Partial<InstanceConfig> | ((index: number) => Partial<InstanceConfig>)

/**
 * Starts Postgres, and Redis and a Redis Cluster where they are asked for, before all tests of a file, and stops them and
 * all instances after them.
 */
export function fleetServers(kinds: readonly GateKind[]): FleetServers {
  const instances: Instance[] = []
  let postgres: Server | undefined
  let redis: Server | undefined
  let cluster: Cluster | undefined
  beforeAll(async () => {
    const needsOwnServer = true
    await Promise.all([
      startPostgres({ needsOwnServer }).then((server) => {
        postgres = server
      }),
      kinds.includes('Redis') &&
        startRedis({ needsOwnServer }).then((server) => {
          redis = server
        }),
      kinds.includes('Redis Cluster') &&
        startRedisCluster({ needsOwnServer }).then((server) => {
          cluster = server
        }),
    ])
  }, 120_000)
  afterAll(async () => {
    await stopAll(instances)
    await Promise.all([postgres?.stop(), redis?.stop(), cluster?.stop()])
  }, 60_000)

  const config = async (kind: GateKind): Promise<InstanceConfig> => {
    const databaseUrl = await createDatabase(started(postgres))
    if (kind === 'Redis') return { databaseUrl, redisUrl: started(redis).url }
    if (kind === 'Redis Cluster') return { databaseUrl, redisClusterUrls: started(cluster).url.split(',') }
    return { databaseUrl }
  }
  const startWith: FleetServers['startWith'] = async (base, count, differ = {}) => {
    const differenceOf = (index: number) => (typeof differ === 'function' ? differ(index) : differ)
    const fleet = await startFleet(count, (index) => ({ ...base, ...differenceOf(index) }))
    instances.push(...fleet)
    await Promise.all(fleet.map((instance) => instance.ready()))
    return fleet
  }
  return {
    config,
    stop: stopAll,
    get postgres() {
      return started(postgres)
    },
    get redis() {
      return started(redis)
    },
    get cluster() {
      return started(cluster)
    },
    startWith,
    start: async (kind, count, differ) => startWith(await config(kind), count, differ),
  }
}

function started<T>(server: T | undefined): T {
  if (server === undefined) throw new Error('It is started before all tests, and only if it was asked for.')
  return server
}
