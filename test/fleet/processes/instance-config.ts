import type { FleetOptions, KeywardEvent, RouteOptions, Window } from 'keyward'

/** What an instance of a fleet is told when it starts: JSON, its one argument. */
export interface InstanceConfig {
  /** `postgres://…`, `mysql://…` or `sqlite:PATH`. */
  readonly databaseUrl: string
  /** Redis for the gate. Default: the store's own gate. */
  readonly redisUrl?: string
  /** Nodes of a Redis Cluster for the gate. */
  readonly redisClusterUrls?: readonly string[]
  /** Default `'ioredis'`. */
  readonly client?: 'ioredis' | 'node-redis'
  readonly channel?: 'redis' | 'postgres'
  /** Where the channel connects to, such as a proxy; default `redisUrl` or `databaseUrl`. */
  readonly channelUrl?: string
  /** What is plain data of the fleet's options. */
  readonly fleet?: Omit<FleetOptions, 'channel'>
  /** Policies of the code. Keys have none of their own unless they name one; the route `/hit` faces `default`. */
  readonly policies?: Readonly<Record<string, readonly Window[]>>
  readonly skew?: Skew
  /** Milliseconds; default the driver's own. */
  readonly gateDeadlineMs?: number
  /** Milliseconds; default the driver's own. */
  readonly storeDeadlineMs?: number
  /** Where the handler of `/once` writes a line each time it runs: the value of the field `x-run`. */
  readonly runsFile?: string
  /** How long that handler takes. Milliseconds; default 0. */
  readonly handlerMs?: number
  /** Terms of idempotency records; default the library's. */
  readonly idempotency?: { readonly leaseSeconds?: number }
  /** Connections to the database at most; default 10. */
  readonly poolSize?: number
}

/** How wrong the wall clock of an instance is. Its monotonic clock is right. */
export interface Skew {
  /** Milliseconds ahead of the machine's. */
  readonly ms: number
  /** Where given, the clock jumps so often: ahead by `ms`, behind by `ms`, and so on. Milliseconds. */
  readonly stepEveryMs?: number
}

/** What a test asks of an instance. */
export interface Call {
  readonly number: number
  /** `keys.revoke`, `limits.read`, `hammer`, … */
  readonly method: string
  readonly args: readonly unknown[]
}

/** What an instance answers. `number` 0 says that it is ready, and its value is the port. */
export type Answer =
  | { readonly number: number; readonly value: unknown; readonly begunNs: bigint; readonly endedNs: bigint }
  | { readonly number: number; readonly error: { name: string; code: unknown; message: string } }

/** How a key is hammered. */
export interface HammerOptions extends RouteOptions {
  /** Callers that ask in a loop, each after its last answer. Default 8. */
  readonly callers?: number
  /** Milliseconds that a caller rests after an answer. Default 0: it only lets others have their turn. */
  readonly restMs?: number
}

/** What came of hammering a key. Instants are of `process.hrtime.bigint()`, which is one clock for the whole machine. */
export interface HammerResult {
  readonly requests: number
  /** When each admitted request had begun; not in order. */
  readonly admittedBeginNs: readonly bigint[]
  /** When the last answer to an admitted request was there; 0 if there was none. */
  readonly lastAdmittedEndNs: bigint
  /** Requests by `admitted` or the code of their refusal. */
  readonly outcomes: Readonly<Record<string, number>>
}

/** An event, less what does not go from one process to another. */
export type ToldEvent = Pick<KeywardEvent, 'type'> & Readonly<Record<string, unknown>>
