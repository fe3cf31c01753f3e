import type { ChannelListener } from '../../model/channel.ts'
import { connected } from './redis-client.ts'
import { type IoredisSubscriber, type NodeRedisSubscriber, openEar, type RedisEar } from './redis-ear.ts'

/** An ioredis `Cluster`, of which a node is listened to. */
export interface IoredisClusterSubscriber {
  nodes(role: 'master'): { duplicate(options: object): IoredisSubscriber & IoredisNode }[]
  call(command: string, args: string[]): Promise<unknown>
}

/** What else is used of a node of ioredis. */
interface IoredisNode {
  on(event: 'end' | 'error', listener: () => void): unknown
  disconnect(): void
}

/** A node-redis cluster, of which a node is listened to. */
export interface NodeRedisClusterSubscriber {
  connect(): Promise<unknown>
  readonly isOpen: boolean
  readonly masters: readonly unknown[]
  nodeClient(node: never): Promise<{ duplicate(): NodeRedisSubscriber & NodeRedisNode }>
}

/** What else is used of a node of node-redis. */
interface NodeRedisNode {
  on(event: 'reconnecting' | 'error', listener: () => void): unknown
  destroy(): void
}

/** A client of a cluster by which a channel listens. */
export type ClusterSubscriber = IoredisClusterSubscriber | NodeRedisClusterSubscriber

/** Milliseconds after which a lost connection is made anew, to any primary. */
const PAUSE_MS = 100

/**
 * Listens to one node of a cluster, which passes on what is published at any other, over a connection of its own; to
 * another node once that one is lost. The clusters of both packages subscribe again by themselves, too, but do not say
 * so, and what was missed meanwhile would go unnoticed.
 */
export class ClusterEar implements RedisEar {
  readonly ready: Promise<void>
  readonly #cluster: ClusterSubscriber
  readonly #channel: string
  readonly #listener: ChannelListener
  #node: NodeConnection | undefined = undefined
  #timer: ReturnType<typeof setTimeout> | undefined = undefined
  #closed = false

  constructor(cluster: ClusterSubscriber, channel: string, listener: ChannelListener) {
    this.#cluster = cluster
    this.#channel = channel
    this.#listener = listener
    this.ready = this.#begin()
  }

  async close(): Promise<void> {
    this.#closed = true
    clearTimeout(this.#timer)
    this.#node?.end()
  }

  async #begin(): Promise<void> {
    const node = await connectionTo(this.#cluster)
    this.#node = node
    let lost = (_: Error) => {}
    const loss = new Promise<never>((_, reject) => {
      lost = reject
    })
    loss.catch(() => this.#again(node))
    node.onLoss(() => lost(new Error('The connection to the node was lost.')))
    const guarded: ChannelListener = {
      heard: (message) => {
        if (!this.#closed && this.#node === node) this.#listener.heard(message)
      },
      connected: () => {
        if (!this.#closed && this.#node === node) this.#listener.connected()
      },
    }
    await Promise.race([openEar(node.client, this.#channel, guarded).ready, loss])
    if (this.#closed) node.end()
  }

  #again(node: NodeConnection): void {
    node.end()
    if (this.#node === node) this.#retry()
  }

  #retry(): void {
    this.#node?.end()
    this.#node = undefined
    if (this.#closed || this.#timer !== undefined) return
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      this.#begin().catch(() => this.#retry())
    }, PAUSE_MS)
  }
}

interface NodeConnection {
  readonly client: IoredisSubscriber | NodeRedisSubscriber
  onLoss(listener: () => void): void
  end(): void
}

async function connectionTo(cluster: ClusterSubscriber): Promise<NodeConnection> {
  if ('nodes' in cluster) {
    await cluster.call('PING', [])
    const client = anyOf(cluster.nodes('master')).duplicate({ retryStrategy: null, maxRetriesPerRequest: 0 })
    client.on('error', () => {})
    return { client, onLoss: (listener) => void client.on('end', listener), end: () => client.disconnect() }
  }
  await connected(cluster)
  const node = await cluster.nodeClient(anyOf(cluster.masters) as never)
  const client = node.duplicate()
  client.on('error', () => {})
  return { client, onLoss: (listener) => void client.on('reconnecting', listener), end: () => client.destroy() }
}

function anyOf<T>(nodes: readonly T[]): T {
  const node = nodes[Math.floor(Math.random() * nodes.length)]
  if (node === undefined) throw new Error('The cluster has no primary.')
  return node
}
