import { type Reply, redisCommand } from './redis-command.ts'
import type { Server } from './server.ts'

/** One node of a Redis Cluster. */
export interface ClusterNode extends Server {
  /** Id in the cluster, which it keeps through restarts. */
  readonly id: string
  /** What it takes itself for. Throws when it does not answer. */
  role(): Promise<'primary' | 'replica'>
  /** What it knows of itself: `undefined` when it does not answer within 500 ms. */
  state(): Promise<NodeState | undefined>
  /** Sends it a command, on a connection of its own. */
  command(...command: (string | number)[]): Promise<Reply>
}

/** What a node knows of itself. */
export interface NodeState {
  role: 'primary' | 'replica'
  /** Id of its primary: `undefined` for a primary. */
  primaryId: string | undefined
  /** The higher, the newer its claim to its slots. */
  configEpoch: number
  /** First and last of each range of slots. */
  slots: [first: number, last: number][]
  /** Whether it takes the cluster for well. */
  isOk: boolean
  /** Whether it is a replica with a link to its primary. */
  follows: boolean
  /** Who has which slots and who follows whom, in its eyes. The same in two nodes that agree. */
  view: string
}

/** Makes a node of a server that runs in cluster mode. */
export async function clusterNode(server: Server): Promise<ClusterNode> {
  const command = (...words: (string | number)[]) => redisCommand(server.url, words, 5_000)
  // Added to the server and not copied with it: its pid changes.
  return Object.assign(server, {
    id: String(await command('CLUSTER', 'MYID')),
    command,
    role: async () => (await stateOf(server.url)).role,
    state: () => stateOf(server.url).catch(() => undefined),
  })
}

/** Finds the primary that has a slot or a key; of two that claim it, the one with the newer claim. */
export async function primaryOf(nodes: readonly ClusterNode[], slotOrKey: number | string): Promise<ClusterNode> {
  const slot = typeof slotOrKey === 'number' ? slotOrKey : await slotOf(nodes, slotOrKey)
  const states = await statesOf(nodes)
  const owners = states
    .filter(({ state }) => state.slots.some(([first, last]) => first <= slot && slot <= last))
    .sort((a, b) => b.state.configEpoch - a.state.configEpoch)
  const owner = owners[0]
  if (owner === undefined) throw new Error(`No running node has slot ${slot}.`)
  return owner.node
}

/** Finds a running replica of a node. */
export async function replicaOf(nodes: readonly ClusterNode[], primary: ClusterNode): Promise<ClusterNode> {
  const found = (await statesOf(nodes)).find(({ state }) => state.primaryId === primary.id)
  if (found === undefined) throw new Error(`No running node is a replica of ${primary.url}.`)
  return found.node
}

async function slotOf(nodes: readonly ClusterNode[], key: string): Promise<number> {
  const answers = nodes.map((node) => redisCommand(node.url, ['CLUSTER', 'KEYSLOT', key]))
  return Number(await Promise.any(answers))
}

async function statesOf(nodes: readonly ClusterNode[]): Promise<{ node: ClusterNode; state: NodeState }[]> {
  const all = await Promise.all(nodes.map(async (node) => ({ node, state: await node.state() })))
  return all.flatMap(({ node, state }) => (state === undefined ? [] : [{ node, state }]))
}

async function stateOf(url: string): Promise<NodeState> {
  const [lines, info, replication] = await Promise.all([
    redisCommand(url, ['CLUSTER', 'NODES'], 500),
    redisCommand(url, ['CLUSTER', 'INFO'], 500),
    redisCommand(url, ['INFO', 'replication'], 500),
  ])
  const members = String(lines).trim().split('\n')
  const myself = members.find((line) => line.includes('myself'))
  const [, , flags = '', primaryId = '', , , epoch, , ...slots] = (myself ?? '').split(' ')
  return {
    role: flags.includes('master') ? 'primary' : 'replica',
    primaryId: primaryId === '-' ? undefined : primaryId,
    configEpoch: Number(epoch),
    // Slots on the move stand in brackets.
    slots: slots
      .filter((range) => !range.startsWith('['))
      .map((range) => range.split('-').map(Number))
      .map(([first, last]) => [first ?? -1, last ?? first ?? -1]),
    isOk: String(info).includes('cluster_state:ok'),
    follows: String(replication).includes('master_link_status:up'),
    view: members.map(viewOf).sort().join('\n'),
  }
}

// Only what a node says of itself has slots on the move in it.
function viewOf(line: string): string {
  const [id, , , primaryId, , , , , ...slots] = line.split(' ')
  return [id, primaryId, ...slots.filter((range) => !range.startsWith('['))].join(' ')
}
