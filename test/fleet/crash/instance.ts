import { createKeyward, type FleetOptions, type Gate, type KeyStore, type Keyward, type KeywardEvent } from 'keyward'
import { postgres } from 'keyward/postgres'
import { type RedisGateOptions, redis } from 'keyward/redis'
import pg from 'pg'
import { outcomeOf, visit } from '../../visit.ts'
import { type ClientKind, clientOf, type OwnClient } from './clients.ts'

/** One instance of a fleet, in this process, with connections of its own. */
export interface Instance {
  readonly keyward: Keyward
  readonly store: KeyStore
  /** Connections to the store, where it is Postgres. */
  readonly pool: pg.Pool
  readonly events: readonly KeywardEvent[]
  /** Lets a request walk, and says what became of it: `admitted`, or the code of the refusal. */
  ask(apiKey: string): Promise<string>
  /** The same, with the status of the answer: 200 where it was admitted. */
  statusOf(apiKey: string): Promise<number>
  close(): Promise<void>
}

/** What an instance is made of. */
export interface InstanceOptions {
  readonly postgresUrl: string
  /** Default: the gate of the store. */
  readonly gate?: { readonly client: OwnClient; readonly options?: RedisGateOptions } | undefined
  /** Units an hour that every key has; default 1,000,000. */
  readonly limit?: number | undefined
  readonly poolSize?: number | undefined
  readonly fleet?: FleetOptions | undefined
}

/** Composes an instance; nothing is connected yet. */
export function createInstance({ postgresUrl, gate, limit, poolSize, fleet }: InstanceOptions): Instance {
  const pool = new pg.Pool({ connectionString: postgresUrl, max: poolSize ?? 10 })
  pool.on('error', () => {})
  const store = postgres(pool)
  const events: KeywardEvent[] = []
  const keyward = createKeyward({
    store,
    gate: gate && redisGate(gate.client, gate.options),
    fleet,
    limits: { policies: { default: [{ limit: limit ?? 1_000_000, windowSeconds: 3_600 }] } },
    onEvent: (event) => void events.push(event),
  })
  return {
    keyward,
    store,
    pool,
    events,
    ask: (apiKey) => outcomeOf(keyward, apiKey),
    async statusOf(apiKey) {
      const decision = await visit(keyward, apiKey)
      return decision.denied ? decision.status : 200
    },
    async close() {
      await keyward.close()
      gate?.client.close()
      await pool.end()
    },
  }
}

/** Composes instances that count in one Redis, each with a client of its own. */
export function createFleet(size: number, redisUrl: string, options: Omit<InstanceOptions, 'gate'>): Instance[] {
  const kinds: readonly ClientKind[] = ['ioredis', 'node-redis']
  return Array.from({ length: size }, (_, index) =>
    createInstance({ ...options, gate: { client: clientOf(kinds[index % 2]!, redisUrl) } }),
  )
}

function redisGate(own: OwnClient, options: RedisGateOptions | undefined): Gate {
  return redis(own.client, options)
}
