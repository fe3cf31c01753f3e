import type { Channel } from '../../model/channel.ts'
import { ConfigError } from '../../model/errors.ts'
import type { Gate } from '../../model/gate.ts'
import { checkPrefix, wholeNumber } from './check-options.ts'
import { RedisChannel } from './redis-channel.ts'
import {
  type CommandClient,
  commandsOf,
  type IoredisClient,
  type NodeRedisClient,
  type RedisClient,
  type RedisCommands,
} from './redis-client.ts'
import {
  ClusterEar,
  type ClusterSubscriber,
  type IoredisClusterSubscriber,
  type NodeRedisClusterSubscriber,
} from './redis-cluster-ear.ts'
import { type IoredisSubscriber, type NodeRedisSubscriber, openEar } from './redis-ear.ts'
import { RedisGate } from './redis-gate.ts'

export { type RedisClaimsOptions, redisClaims } from './redis-claims.ts'
export type {
  CommandClient,
  IoredisClient,
  IoredisCluster,
  NodeRedisClient,
  NodeRedisCluster,
  RedisClient,
} from './redis-client.ts'
export type { IoredisClusterSubscriber, NodeRedisClusterSubscriber } from './redis-cluster-ear.ts'
export type { IoredisSubscriber, NodeRedisSubscriber } from './redis-ear.ts'

/** What {@link redis} can be told. */
export interface RedisGateOptions {
  /** What every key begins with: up to 64 characters without braces; default `keyward:`. */
  readonly prefix?: string
  /** Milliseconds that an answer may take, after which the gate counts as away: 1 to 60,000; default 500. */
  readonly deadlineMs?: number
  /**
   * What a server that may evict keys comes to, one whose `maxmemory-policy` is not `noeviction`: `'refuse'` (default),
   * a `ConfigError` at start; `'warn'`, an event. An evicted window admits one more limit; an evicted version costs a
   * read, and never brings a key back.
   */
  readonly eviction?: 'refuse' | 'warn'
  /**
   * Number of replicas that must acknowledge a fence before it counts as written: 0 (default) to 100. It closes what an
   * asynchronous failover leaves open only where every replica that may be promoted is among them. A fence that they did
   * not acknowledge within `deadlineMs` is in place at the primary all the same. Not with a cluster.
   */
  readonly replicas?: number
  /**
   * A connection of its own for fences where `replicas` is above 0: `client.duplicate()`. `WAIT` holds up whatever
   * shares it.
   */
  readonly fenceClient?: IoredisClient | NodeRedisClient | CommandClient
}

/**
 * Creates a gate in Redis 7 or later, Valkey, or a cluster of them: exact windows and the versions of keys, shared by
 * every process, in one round trip a request, decided on the server's clock.
 *
 * All keys of one owner share a hash tag, so that they live in one slot. Every key expires by itself: a window's log
 * at most 1.125 windows after its last admission, a version a day after it was written. A log of 3 units takes about 220
 * bytes, one of 100 about 750; above 512 units it is read and written in places.
 *
 * The client stays the caller's: it is neither configured nor closed. What is sent again after a lost connection may
 * count twice (never admit twice), so a gate is best given a client of its own that sends nothing again and fails fast:
 *
 * - ioredis: `{ maxRetriesPerRequest: 0, autoResendUnfulfilledCommands: false }`. The first rejects what is under way
 *   and what is queued as soon as the connection is lost, the second alone would leave it without an answer.
 *   `enableOfflineQueue` may stay on: what is queued at the start waits, up to `deadlineMs`.
 * - ioredis `Cluster`: `{ retryDelayOnFailover: 0 }`, which keeps it from sending again what was under way.
 *   A short wait between attempts, such as `retryStrategy: () => 100`, is how soon a gate that was away is used again.
 * - node-redis never sends again what it has sent. `disableOfflineQueue: true` also rejects at once what would wait for
 *   a connection. It needs a listener for `error`, or Node.js ends the process when the connection is lost.
 *
 * While a cluster's slot moves, Redis itself answers `TRYAGAIN` for owners some of whose keys are still on the old
 * node: ioredis asks again, node-redis does not; then the gate counts as away for that owner.
 *
 * @param client - An ioredis `Redis` or `Cluster`, a node-redis client or cluster, or an object with a function
 *   `command`. A node-redis client that was not connected is connected when the gate is opened.
 * @throws {ConfigError} When an option is wrong. What is wrong with a server is said by `keyward.ready()`.
 */
export function redis(client: RedisClient, options: RedisGateOptions = {}): Gate {
  const commands = commandsOf(client, 'redis(client)')
  const { eviction = 'refuse', replicas = 0 } = options
  if (eviction !== 'refuse' && eviction !== 'warn')
    throw new ConfigError('redis({ eviction }) must be "refuse" or "warn".')
  const deadlineMs = wholeNumber('redis', 'deadlineMs', options.deadlineMs ?? 500, [1, 60_000])
  wholeNumber('redis', 'replicas', replicas, [0, 100])
  if (replicas > 0 && commands.isCluster) {
    throw new ConfigError('redis({ replicas }) must be 0 with a cluster: WAIT tells of one node only.')
  }
  const replicated = replicas === 0 ? undefined : { commands: fenceCommands(client, options), replicas, deadlineMs }
  return new RedisGate({ commands, prefix: checkPrefix('redis', options.prefix), deadlineMs, eviction, replicated })
}

/** A connection of its own by which a {@link redisChannel} listens: what `client.duplicate()` makes. */
export type RedisSubscriber =
  | IoredisSubscriber
  | NodeRedisSubscriber
  | IoredisClusterSubscriber
  | NodeRedisClusterSubscriber

/**
 * Creates a channel over Redis' publish and subscribe.
 *
 * @param client - What messages are published by; the gate's client, or any other that {@link redis} takes.
 * @param subscriber - What is listened by, and used for nothing else: `client.duplicate()`. A node-redis client that
 *   was not connected is connected when the channel is opened. Of a cluster, one node is listened to over a connection
 *   that the channel makes and ends; the subscriber itself stays the caller's, and open.
 * @param options - `prefix`: what the channel's name begins with, as for {@link redis}.
 * @throws {ConfigError} When an option is wrong.
 */
export function redisChannel(
  client: RedisClient,
  subscriber: RedisSubscriber,
  options: { readonly prefix?: string } = {},
): Channel {
  const commands = commandsOf(client, 'redisChannel(client)')
  if (subscriber === null || typeof subscriber !== 'object' || (subscriber as unknown) === client) {
    throw new ConfigError(
      'redisChannel(client, subscriber): subscriber must be a client of its own, client.duplicate().',
    )
  }
  const name = `${checkPrefix('redisChannel', options.prefix)}changes`
  return new RedisChannel(commands, name, (channel, listener) =>
    isCluster(subscriber) ? new ClusterEar(subscriber, channel, listener) : openEar(subscriber, channel, listener),
  )
}

function isCluster(subscriber: RedisSubscriber): subscriber is ClusterSubscriber {
  return 'nodes' in subscriber || 'nodeClient' in subscriber
}

function fenceCommands(client: RedisClient, { fenceClient }: RedisGateOptions): RedisCommands {
  if (fenceClient === undefined || fenceClient === client)
    throw new ConfigError('redis({ fenceClient }) must be a connection of its own where replicas is above 0.')
  return commandsOf(fenceClient, 'redis({ fenceClient })')
}
