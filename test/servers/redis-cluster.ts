import { randomBytes } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type ClusterNode, clusterNode, primaryOf, replicaOf } from './cluster-node.ts'
import { freePort } from './free-port.ts'
import { PortTakenError, startOwnServer } from './own-server.ts'
import { requireServer } from './program.ts'
import { redisArguments, redisIsReady } from './redis.ts'
import { givenServer, type OwnServerOptions } from './server.ts'
import { until } from './until.ts'

/** How a Redis Cluster is started. `durable`, `args` and `nodeTimeoutMs` imply a cluster of our own. */
export interface RedisClusterOptions extends OwnServerOptions {
  /** Writes each command to disk before it is confirmed. Default false: a node comes back empty from a restart. */
  durable?: boolean
  /** More arguments of each `redis-server`. They win over ours. */
  args?: readonly string[]
  /** Milliseconds after which a silent node is taken for dead and a replica takes its place. Default 2000. */
  nodeTimeoutMs?: number
}

/** A Redis Cluster of three primaries, each with a replica, unless it is the one in `TEST_REDIS_CLUSTER_URL`. */
export interface Cluster {
  /** All nodes; in one of ours, the first three start as primaries, and the fourth to sixth as their replicas. */
  readonly nodes: readonly ClusterNode[]
  /** Addresses of all nodes, with commas between. */
  readonly url: string
  /** Finds the primary that has a slot (0 to 16383) or a key. Asks the nodes each time. */
  primaryOf(slotOrKey: number | string): Promise<ClusterNode>
  /** Finds a running replica of a node. */
  replicaOf(primary: ClusterNode): Promise<ClusterNode>
  /**
   * Makes a replica the primary of its slots, and waits until it is.
   *
   * @param mode - Without one, the old primary takes part, and no write is lost. FORCE: the old primary need not
   * answer, and the other primaries vote. TAKEOVER: nobody is asked.
   */
  failover(replica: ClusterNode, mode?: 'FORCE' | 'TAKEOVER'): Promise<void>
  /** Moves a slot with its keys from one primary to another, as a resharding does. */
  moveSlot(slot: number, from: ClusterNode, to: ClusterNode): Promise<void>
  /** Waits until all running nodes agree and say that the cluster is well, and all running replicas follow. */
  waitUntilOk(): Promise<void>
  /** Ends all nodes and removes their folders. Safe to call twice. */
  stop(): Promise<void>
}

/** Starts a Redis Cluster, or takes the one in `TEST_REDIS_CLUSTER_URL`: the addresses of its nodes, with commas between. */
export async function startRedisCluster(options: RedisClusterOptions = {}): Promise<Cluster> {
  const { durable = false, args = [], nodeTimeoutMs } = options
  const { needsOwnServer = durable || args.length > 0 || nodeTimeoutMs !== undefined } = options
  const given = process.env['TEST_REDIS_CLUSTER_URL']
  const cluster = given && !needsOwnServer ? await givenCluster(given) : await ownCluster(options)
  await cluster.waitUntilOk()
  return cluster
}

async function givenCluster(urls: string): Promise<Cluster> {
  const servers = urls.split(',').map((url) => givenServer('TEST_REDIS_CLUSTER_URL', url.trim(), 6379))
  return clusterOf(await Promise.all(servers.map((server) => clusterNode(server))))
}

async function ownCluster(options: RedisClusterOptions, attempt = 1): Promise<Cluster> {
  const members: Member[] = []
  for (let index = 0; index < 6; index += 1) {
    members.push({ id: randomBytes(20).toString('hex'), port: await freePort(busDistance) })
  }
  const starts = await Promise.allSettled(members.map((_, index) => startNode(members, index, options)))
  const nodes = starts.flatMap((start) => (start.status === 'fulfilled' ? [start.value] : []))
  if (nodes.length === members.length) return clusterOf(nodes)
  for (const node of nodes) await node.stop()
  const reasons = starts.flatMap((start) => (start.status === 'rejected' ? [start.reason] : []))
  if (attempt < 5 && reasons.every((reason) => reason instanceof PortTakenError))
    return ownCluster(options, attempt + 1)
  throw reasons[0]
}

interface Member {
  id: string
  port: number
}

// Redis listens for other nodes at its port plus this.
const busDistance = 10_000
const slotRanges = ['0-5460', '5461-10922', '10923-16383']

async function startNode(
  members: readonly Member[],
  index: number,
  options: RedisClusterOptions,
): Promise<ClusterNode> {
  const { durable = false, args = [], nodeTimeoutMs = 2_000 } = options
  const server = await startOwnServer({
    name: 'redis-node',
    port: members[index]!.port,
    prepare: async ({ folder }) => writeFileSync(join(folder, 'nodes.conf'), nodesFile(members, index)),
    command: ({ folder, port }) => [
      requireServer('redis'),
      ...redisArguments(folder, port, durable),
      ...['--cluster-enabled', 'yes', '--cluster-config-file', 'nodes.conf'],
      ...['--cluster-node-timeout', String(nodeTimeoutMs), '--repl-diskless-sync-delay', '0'],
      ...args,
    ],
    ready: redisIsReady,
    url: (port) => `redis://127.0.0.1:${port}`,
  })
  return clusterNode(server)
}

/**
 * What a node remembers of its cluster. Written before the first start, it saves all meeting and gossip, so that the
 * cluster is up after the 2 s that Redis waits before it takes writes.
 */
function nodesFile(members: readonly Member[], self: number): string {
  const lines = members.map(({ id, port }, index) => {
    const primary = members[index - 3]
    const flags = [...(index === self ? ['myself'] : []), primary === undefined ? 'master' : 'slave'].join(',')
    const epoch = (index % 3) + 1
    const slots = primary === undefined ? ` ${slotRanges[index]}` : ''
    return `${id} 127.0.0.1:${port}@${port + busDistance} ${flags} ${primary?.id ?? '-'} 0 0 ${epoch} connected${slots}`
  })
  return `${lines.join('\n')}\nvars currentEpoch 3 lastVoteEpoch 0\n`
}

function clusterOf(nodes: readonly ClusterNode[]): Cluster {
  return {
    nodes,
    url: nodes.map(({ url }) => url).join(','),
    primaryOf: (slotOrKey) => primaryOf(nodes, slotOrKey),
    replicaOf: (primary) => replicaOf(nodes, primary),
    async failover(replica, mode) {
      await replica.command('CLUSTER', 'FAILOVER', ...(mode === undefined ? [] : [mode]))
      await until(`${replica.url} is a primary`, async () => (await replica.role()) === 'primary')
    },
    moveSlot: (slot, from, to) => moveSlot(nodes, slot, [from, to]),
    waitUntilOk: () => until('all nodes are well', () => areWell(nodes)),
    async stop() {
      await Promise.all(nodes.map((node) => node.stop()))
    },
  }
}

async function moveSlot(
  nodes: readonly ClusterNode[],
  slot: number,
  [from, to]: readonly [ClusterNode, ClusterNode],
): Promise<void> {
  await to.command('CLUSTER', 'SETSLOT', slot, 'IMPORTING', from.id)
  await from.command('CLUSTER', 'SETSLOT', slot, 'MIGRATING', to.id)
  for (;;) {
    const keys = (await from.command('CLUSTER', 'GETKEYSINSLOT', slot, 100)) as string[]
    if (keys.length === 0) break
    await from.command('MIGRATE', to.host, to.port, '', 0, 5_000, 'KEYS', ...keys)
  }
  // The new owner first: were it last, nobody would have the slot if we died in between.
  const others = nodes.filter((node) => node !== from && node !== to)
  for (const node of [to, from, ...others]) {
    if ((await node.state())?.role === 'primary') await node.command('CLUSTER', 'SETSLOT', slot, 'NODE', to.id)
  }
}

async function areWell(nodes: readonly ClusterNode[]): Promise<boolean> {
  const states = await Promise.all(nodes.map((node) => node.state()))
  const running = states.filter((state) => state !== undefined)
  const agree = new Set(running.map(({ view }) => view)).size === 1
  return agree && running.every(({ isOk, role, follows }) => isOk && (role === 'primary' || follows))
}
