import type { ClaimOutcome, ClaimRequest, ClaimStore, Completion } from '../../model/claim-store.ts'
import { withinDeadline } from '../../model/deadline.ts'
import { StoreUnavailableError } from '../../model/errors.ts'
import type { Closing } from '../../model/ledger.ts'
import { checkPrefix, wholeNumber } from './check-options.ts'
import { claimScript, completeScript, countScript, releaseScript, renewScript } from './claim-scripts.ts'
import { OwnerKeys } from './owner-keys.ts'
import { commandsOf, type RedisClient, type RedisCommands } from './redis-client.ts'
import { RedisScript, unavailable } from './redis-script.ts'
import { checkServer } from './server-check.ts'

/** What {@link redisClaims} can be told. */
export interface RedisClaimsOptions {
  /** What every key begins with: up to 64 characters without braces; default `keyward:`. */
  readonly prefix?: string
  /** Milliseconds that an answer may take: 1 to 60,000; default 1,000. */
  readonly deadlineMs?: number
}

/**
 * Creates a store for idempotency records in Redis 7 or later, Valkey, or a cluster of them: one round trip a call, in which
 * a script decides on one key.
 *
 * Leases and expiry are measured by Redis' clock: what counts of the instants that it is given is how far they lie apart, so
 * that no two servers need agree on the time. Records expire by themselves: `removeExpired` has nothing to do. Responses are
 * kept in base64, a third longer than they are.
 *
 * A record that Redis loses, by eviction or a failover before it was replicated, lets its request run again. So a server that
 * may evict keys is refused with the first call. For credits that must not be taken twice, records belong in the store that has
 * the credits: no debit can be closed here, and `complete` and `release` reject with a `TypeError` when they are given one.
 *
 * `countLive` counts in a second step that nothing waits for, and may be wrong by records whose second step was lost, until
 * they would have expired.
 *
 * @param client - As for {@link redis}, under the same advice; it stays the caller's.
 * @throws {ConfigError} When an option is wrong.
 */
export function redisClaims(client: RedisClient, options: RedisClaimsOptions = {}): ClaimStore {
  const commands = commandsOf(client, 'redisClaims(client)')
  const prefix = checkPrefix('redisClaims', options.prefix)
  const deadlineMs = wholeNumber('redisClaims', 'deadlineMs', options.deadlineMs ?? 1_000, [1, 60_000])
  return new RedisClaims(commands, prefix, deadlineMs)
}

/** Records that ended so long ago are counted no more, whosever clock is asked. */
const CLOCKS_APART_MS = 60_000

/** What messages about the server speak of. */
const CLAIMS = { name: 'redisClaims()', kept: 'idempotency records' }

class RedisClaims implements ClaimStore {
  readonly #commands: RedisCommands
  readonly #prefix: string
  readonly #deadlineMs: number
  readonly #owners: OwnerKeys
  readonly #scripts: Readonly<Record<'claim' | 'renew' | 'complete' | 'release' | 'count', RedisScript>>
  #ready: Promise<void> | undefined

  constructor(commands: RedisCommands, prefix: string, deadlineMs: number) {
    this.#commands = commands
    this.#prefix = prefix
    this.#deadlineMs = deadlineMs
    this.#owners = new OwnerKeys(prefix)
    this.#scripts = {
      claim: new RedisScript(commands, claimScript),
      renew: new RedisScript(commands, renewScript),
      complete: new RedisScript(commands, completeScript),
      release: new RedisScript(commands, releaseScript),
      count: new RedisScript(commands, countScript),
    }
  }

  async claim(request: ClaimRequest): Promise<ClaimOutcome> {
    const { id, owner, fingerprint, token, requestId, at, leaseUntil, expiresAt } = request
    const count = this.#countOf(owner)
    const args = [fingerprint, token, requestId, count, timeOf(at), timeOf(leaseUntil), timeOf(expiresAt)]
    const outcome = await this.#run('claim', id, args, outcomeOf)
    if (outcome.outcome === 'claimed') this.#count(count, 'live', id, ...lifeOf(at, expiresAt))
    return outcome
  }

  async renew(id: string, token: string, leaseUntil: Date, expiresAt: Date): Promise<boolean> {
    const count = await this.#run('renew', id, [token, timeOf(leaseUntil), timeOf(expiresAt)], ownerOf)
    if (count !== undefined) this.#count(count, 'ends', id, timeOf(expiresAt))
    return count !== undefined
  }

  async complete({ id, token, answer, at, expiresAt }: Completion, closing?: Closing): Promise<boolean> {
    refuse(closing)
    const written = answer === null ? 'n' : `b${Buffer.from(answer).toString('base64')}`
    const count = await this.#run('complete', id, [token, written, timeOf(at), timeOf(expiresAt)], ownerOf)
    if (count !== undefined) this.#count(count, 'live', id, ...lifeOf(at, expiresAt))
    return count !== undefined
  }

  async release(id: string, token: string, closing?: Closing): Promise<boolean> {
    refuse(closing)
    const count = await this.#run('release', id, [token], ownerOf)
    if (count !== undefined) this.#count(count, 'gone', id)
    return count !== undefined
  }

  async countLive(owner: string, at: Date, atMost: number): Promise<number> {
    const key = this.#countOf(owner)
    const command = async () => this.#commands.command(['ZCOUNT', key, `(${timeOf(at)}`, '+inf'], key)
    const many = Number(await this.#within(() => command().catch(rejectUnavailable)))
    if (!Number.isSafeInteger(many)) throw unreadable()
    return Math.min(many, atMost)
  }

  /** There is nothing to remove: 0. */
  async removeExpired(): Promise<number> {
    return 0
  }

  #countOf(owner: string): string {
    return `${this.#owners.startOf(owner)}i`
  }

  async #run<T>(
    script: 'claim' | 'renew' | 'complete' | 'release',
    id: string,
    args: readonly string[],
    read: (reply: unknown) => T,
  ): Promise<T> {
    return this.#within(() => this.#scripts[script].run(['', '', '1', `${this.#prefix}i:{${id}}`, ...args], read))
  }

  /** Says to the owner's count what became of a record. Whether that fails is nobody's concern. */
  #count(key: string, change: 'live' | 'ends' | 'gone', ...args: readonly string[]): void {
    this.#scripts.count.run(['', '', '1', key, change, ...args], () => {}).catch(() => {})
  }

  async #within<T>(work: () => Promise<T>): Promise<T> {
    return withinDeadline(this.#meetServer().then(work), this.#deadlineMs)
  }

  /** Connects, with the first call, and looks at the server; after a failure, with the next one. */
  #meetServer(): Promise<void> {
    this.#ready ??= this.#checkServers().catch((cause: unknown) => {
      this.#ready = undefined
      throw unavailable(cause)
    })
    return this.#ready
  }

  async #checkServers(): Promise<void> {
    for (const info of await this.#commands.info()) checkServer(info, 'refuse', () => {}, CLAIMS)
  }
}

function timeOf(instant: Date): string {
  return String(instant.getTime())
}

/** What a count is told of a record: its end, how long the set must be kept, and before which end others are forgotten. */
function lifeOf(at: Date, expiresAt: Date): readonly string[] {
  const keepMs = expiresAt.getTime() - at.getTime()
  return [timeOf(expiresAt), String(keepMs), String(at.getTime() - CLOCKS_APART_MS)]
}

function refuse(closing: Closing | undefined): void {
  if (closing !== undefined)
    throw new TypeError(
      'redisClaims: no debit can be closed in Redis. Close it in its own store, before the claim ends.',
    )
}

/** The key of the owner's count; `undefined` where the token was not the record's own. */
function ownerOf(reply: unknown): string | undefined {
  const text = String(reply)
  return text === '0' ? undefined : text
}

/** Reads a reply, and believes none that is not of the form that the script gives. */
function outcomeOf(reply: unknown): ClaimOutcome {
  const [outcome, detail, answer] = Array.isArray(reply) ? reply.map(String) : []
  if (outcome === 'claimed' && Number(detail) >= 1) return { outcome, attempt: Number(detail) }
  if (outcome === 'mismatch' || outcome === 'in_progress') return { outcome }
  if (outcome !== 'done' || detail === undefined || answer === undefined || !/^[bn]/.test(answer)) throw unreadable()
  return { outcome, answer: answer === 'n' ? null : Buffer.from(answer.slice(1), 'base64'), requestId: detail }
}

function rejectUnavailable(cause: unknown): never {
  throw unavailable(cause)
}

function unreadable(): StoreUnavailableError {
  return new StoreUnavailableError('Redis answered what the script of a claim cannot have said.')
}
