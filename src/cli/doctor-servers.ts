import type { Gate, KeyStore, StoreInspection } from '../index.ts'
import { type CheckResult, clockCheck, fail, ok, timed, warn } from './doctor-check.ts'
import { migrations } from './migrate-command.ts'

/** An answer that took longer costs every first use of a key. */
const SLOW_MS = 250
/** A server renews its lease every two seconds. */
const LEASE_MS = 6_000

/** Checks that a store answers, how fast, its schema, its clock, and who serves on it. */
export async function checkStore(store: KeyStore): Promise<readonly CheckResult[]> {
  const { inspect } = store
  if (inspect === undefined) return [ok('store', 'a store of your own, which cannot be looked at')]
  const look = () => inspect.call(store)
  // The first look connects.
  await look()
  const { value, tookMs } = await timed(look)
  const answer = `${value.server} answers in ${tookMs} ms`
  return [
    tookMs > SLOW_MS ? warn('store', answer, 'Run servers close to their database.') : ok('store', answer),
    schemaCheck(value),
    ...(value.clockAheadMs === null
      ? []
      : [
          clockCheck(
            'store-clock',
            value.clockAheadMs,
            "Keys expire by the database's clock; what this machine says of times is off.",
          ),
        ]),
    ...(store.sharing === 'manage' ? [servingCheck(value)] : []),
  ]
}

function schemaCheck({ applied, pending, unknown }: StoreInspection): CheckResult {
  if (unknown.length > 0)
    return fail('schema', `newer than this version: ${unknown.join(', ')}`, 'npm install keyward@latest')
  if (pending.length > 0)
    return fail('schema', `${migrations(pending.length)} to apply: ${pending.join(', ')}`, 'keyward migrate')
  return ok('schema', `up to date: ${migrations(applied.length)}`)
}

function servingCheck({ serving }: StoreInspection): CheckResult {
  if (serving === null) return ok('serving', 'no process serves on the file now')
  const silentMs = Date.now() - serving.renewedAt.getTime()
  const who = `process ${serving.pid} on ${serving.host}`
  if (silentMs <= LEASE_MS) return ok('serving', `${who} serves on the file`)
  return warn(
    'serving',
    `${who} held the lease, and has been silent for ${Math.round(silentMs / 1_000)} s`,
    'It was killed, or hangs. The next server takes over within 6 s.',
  )
}

/** Checks that the gate answers, how fast, and that its servers keep what they are given. */
export async function checkGate(gate: Gate | undefined): Promise<readonly CheckResult[]> {
  if (gate === undefined) return [ok('gate', 'in the memory of the one serving process')]
  const { inspect } = gate
  if (inspect === undefined)
    return [ok('gate', gate.versions === 'store' ? 'in the database itself' : 'a gate that cannot be looked at')]
  const look = () => inspect.call(gate)
  await look()
  const { value, tookMs } = await timed(look)
  return value.servers.flatMap((server) => [
    ok('gate', `${server.server} answers in ${tookMs} ms`),
    server.evictionPolicy === 'noeviction'
      ? ok('gate-eviction', 'noeviction')
      : fail(
          'gate-eviction',
          `maxmemory-policy is ${server.evictionPolicy}: an evicted window admits one more limit`,
          'CONFIG SET maxmemory-policy noeviction',
        ),
    ...(server.clockAheadMs === null
      ? []
      : [
          clockCheck(
            'gate-clock',
            server.clockAheadMs,
            'Windows are decided by the clock of Redis, so limits stay exact.',
          ),
        ]),
    ok(
      'gate-replicas',
      server.replicas === 0
        ? 'none: a restart without persistence forgets windows, and never a revocation'
        : `${server.replicas} connected; redis(client, { replicas }) makes a fence wait for them`,
    ),
  ])
}
