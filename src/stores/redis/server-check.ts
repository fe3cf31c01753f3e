import { ConfigError } from '../../model/errors.ts'
import type { GateWarning } from '../../model/gate.ts'
import type { GateServer } from '../../model/inspection.ts'

const OLDEST_MAJOR = 7

/** What messages speak of: the function that was called, and what it keeps on the server. */
export interface ServerUse {
  readonly name: string
  readonly kept: string
}

const GATE: ServerUse = { name: 'gate: redis()', kept: "the gate's windows and versions" }

/**
 * Checks what a server's `INFO` says of it.
 *
 * @throws {ConfigError} When it is older than Redis 7.0, a replica, or, with `refuse`, may evict keys.
 */
export function checkServer(
  info: string,
  eviction: 'refuse' | 'warn',
  report: (warning: GateWarning) => void,
  { name, kept } = GATE,
): void {
  const version = fieldOf(info, 'redis_version')
  if (!(Number.parseInt(version, 10) >= OLDEST_MAJOR)) {
    throw new ConfigError(`${name} needs Redis 7.0 or Valkey 7.2 or later; the server says "${version}".`)
  }
  if (fieldOf(info, 'role') === 'slave') {
    throw new ConfigError(`${name} must be given the primary; the server is a replica.`)
  }
  const policy = fieldOf(info, 'maxmemory_policy')
  if (policy === 'noeviction') return
  const message = `Redis may evict ${kept}: its maxmemory-policy is "${policy}", not "noeviction".`
  if (eviction === 'refuse') {
    throw new ConfigError(
      name === GATE.name ? `${message} Change it, or set redis(client, { eviction: 'warn' }).` : message,
    )
  }
  report({ code: 'gate_may_evict', message })
}

/** Reads what a server's `INFO` says of it. @param askedAt - Middle of the trip, milliseconds since the Unix epoch. */
export function inspectServer(info: string, askedAt: number): GateServer {
  const time = Number.parseInt(fieldOf(info, 'server_time_usec'), 10)
  const valkey = fieldOf(info, 'valkey_version')
  return {
    server: valkey === 'unknown' ? `Redis ${fieldOf(info, 'redis_version')}` : `Valkey ${valkey}`,
    clockAheadMs: Number.isNaN(time) ? null : Math.round(time / 1_000 - askedAt),
    evictionPolicy: fieldOf(info, 'maxmemory_policy'),
    replicas: Number.parseInt(fieldOf(info, 'connected_slaves'), 10) || 0,
  }
}

function fieldOf(info: string, name: string): string {
  return new RegExp(`^${name}:(.*?)\\r?$`, 'm').exec(info)?.[1] ?? 'unknown'
}
