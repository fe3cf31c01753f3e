import { ConfigError } from '../../model/errors.ts'

/** What the room asks of a server, whichever client carries it. */
export interface RedisCommands {
  /** Whether commands are spread over the nodes of a cluster. */
  readonly isCluster: boolean
  /** Sends one command; `key` is where a cluster routes it by. */
  command(args: readonly string[], key: string): Promise<unknown>
  /** Is told of every new connection, to any node, before an answer over it is given out. */
  onConnection(listener: () => void): void
  /** Connects where the client waits to be told to, and asks every node that is written to what `INFO` says. */
  info(): Promise<readonly string[]>
}

/** Any other client, in as few words as a gate needs. */
export interface CommandClient {
  /**
   * Sends one command, its name first, and answers with the reply; a server's error rejects with an `Error` that has
   * the server's text for its message. Redirections of a cluster are followed.
   *
   * @param key - A key of the command, to route it by in a cluster.
   */
  command(args: readonly string[], key?: string): Promise<unknown>
  /**
   * Tells of every new connection from now on, before anything over it is answered. Without it, a failover that lost
   * a fence goes unnoticed, and the age of a copy is the bound.
   */
  onConnection?(listener: () => void): void
  /** Whether it speaks to a cluster; no by default. */
  readonly isCluster?: boolean
}

/** What the room uses of an ioredis `Redis`. */
export interface IoredisClient {
  call(command: string, args: string[]): Promise<unknown>
  on(event: 'connect', listener: () => void): unknown
  readonly isCluster: boolean
}

/** What the room uses of an ioredis `Cluster`. */
export interface IoredisCluster {
  call(command: string, args: string[]): Promise<unknown>
  on(event: '+node', listener: (node: IoredisClient) => void): unknown
  nodes(role: 'master'): IoredisClient[]
  nodes(): IoredisClient[]
  readonly isCluster: boolean
}

/** What the room uses of a node-redis client. */
export interface NodeRedisClient {
  sendCommand(args: readonly string[]): Promise<unknown>
  on(event: 'connect', listener: () => void): unknown
  connect(): Promise<unknown>
  readonly isOpen: boolean
}

/** What the room uses of a node-redis cluster. */
export interface NodeRedisCluster {
  sendCommand(key: string | undefined, isReadonly: boolean | undefined, args: string[]): Promise<unknown>
  on(event: 'node-connect', listener: () => void): unknown
  connect(): Promise<unknown>
  readonly isOpen: boolean
  readonly masters: readonly unknown[]
  nodeClient(node: never): Promise<{ sendCommand(args: readonly string[]): Promise<unknown> }>
}

/** A client that the user passes. */
export type RedisClient = IoredisClient | IoredisCluster | NodeRedisClient | NodeRedisCluster | CommandClient

/** What was made of each client: however many gates share one, it is listened to and connected once. */
const known = new WeakMap<RedisClient, RedisCommands>()

/**
 * Takes whichever client it is by what it can do: ioredis has `call`, a node-redis cluster `nodeClient`, node-redis
 * `sendCommand`. All three have a `command` too, with another meaning, so that is asked for last.
 *
 * @throws {ConfigError} When it is none of them.
 */
export function commandsOf(client: RedisClient, option: string): RedisCommands {
  if (client === null || typeof client !== 'object') throw notAClient(option)
  const made = known.get(client) ?? toldOnce(wrap(client, option))
  known.set(client, made)
  return made
}

function wrap(client: RedisClient, option: string): RedisCommands {
  if ('call' in client) return 'nodes' in client ? ofIoredisCluster(client) : ofIoredis(client)
  if ('nodeClient' in client) return ofNodeRedisCluster(client)
  if ('sendCommand' in client) return ofNodeRedis(client)
  if (typeof client.command === 'function') return ofCommandClient(client)
  throw notAClient(option)
}

function notAClient(option: string): ConfigError {
  return new ConfigError(`${option} must be a client of ioredis or node-redis, or have a function command(args, key).`)
}

/** Listens to the client once, and tells everybody. */
function toldOnce(commands: RedisCommands): RedisCommands {
  const listeners: (() => void)[] = []
  commands.onConnection(() => {
    for (const listener of listeners) listener()
  })
  return { ...commands, onConnection: (listener) => void listeners.push(listener) }
}

function ofIoredis(client: IoredisClient): RedisCommands {
  return {
    isCluster: false,
    command: (args) => callIoredis(client, args),
    onConnection: (listener) => void client.on('connect', listener),
    info: async () => [await infoOf((args) => callIoredis(client, args))],
  }
}

function ofIoredisCluster(cluster: IoredisCluster): RedisCommands {
  return {
    isCluster: true,
    command: (args) => callIoredis(cluster, args),
    onConnection(listener) {
      for (const node of cluster.nodes()) node.on('connect', listener)
      cluster.on('+node', (node) => void node.on('connect', listener))
    },
    async info() {
      await cluster.call('PING', [])
      return Promise.all(cluster.nodes('master').map((node) => infoOf((args) => callIoredis(node, args))))
    },
  }
}

function callIoredis(client: IoredisClient | IoredisCluster, args: readonly string[]): Promise<unknown> {
  return client.call(args[0]!, args.slice(1))
}

function ofNodeRedis(client: NodeRedisClient): RedisCommands {
  return {
    isCluster: false,
    command: (args) => client.sendCommand(args),
    onConnection: (listener) => void client.on('connect', listener),
    async info() {
      await connected(client)
      return [await infoOf((args) => client.sendCommand(args))]
    },
  }
}

function ofNodeRedisCluster(cluster: NodeRedisCluster): RedisCommands {
  return {
    isCluster: true,
    command: (args, key) => cluster.sendCommand(key, false, args as string[]),
    onConnection: (listener) => void cluster.on('node-connect', listener),
    async info() {
      await connected(cluster)
      return Promise.all(
        cluster.masters.map(async (master) => {
          const node = await cluster.nodeClient(master as never)
          return infoOf((args) => node.sendCommand(args))
        }),
      )
    },
  }
}

function ofCommandClient(client: CommandClient): RedisCommands {
  return {
    isCluster: client.isCluster === true,
    command: (args, key) => client.command(args, key),
    onConnection: (listener) => client.onConnection?.(listener),
    info: async () => [await infoOf((args) => client.command(args))],
  }
}

const connecting = new WeakMap<object, Promise<unknown>>()

/** Connects a client of node-redis that nobody has connected. */
export async function connected(client: { readonly isOpen: boolean; connect(): Promise<unknown> }): Promise<void> {
  if (!client.isOpen) connecting.set(client, client.connect())
  await connecting.get(client)
}

async function infoOf(command: (args: readonly string[]) => Promise<unknown>): Promise<string> {
  return String(await command(['INFO']))
}
