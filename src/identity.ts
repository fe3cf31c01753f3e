import { type Attribution, sanitizeAttribution } from './attribution/attribution.ts'
import { type LimitState, labelled } from './limits/limit-state.ts'
import type { Counted, Plan } from './limits/plan.ts'
import { rateLimitHeaders } from './limits/response-headers.ts'
import type { WindowState } from './model/gate.ts'
import type { KeyRecord, Metadata } from './model/key-record.ts'
import type { SessionClaims } from './model/session-signer.ts'
import type { RequestContext } from './request-context.ts'
import { holdsToken } from './sessions/session-reader.ts'

/** Who a request comes from: what the handler may rely on. Holds no API key and no digest; safe to log. */
export interface Identity {
  /** `false`: the request was admitted. */
  readonly denied: false
  readonly keyId: string
  readonly owner: string
  /** Name that the key was given. */
  readonly name: string
  /** Id of the first key of the rotation chain: the stable name of this caller across rotations. */
  readonly lineage: string
  /** Scopes of the key; with a session token only those that it has too. */
  readonly scopes: readonly string[]
  /** The session token that stood for the key; `null` where the key itself was shown. */
  readonly session: { readonly id: string; readonly expiresAt: Date } | null
  readonly metadata: Metadata
  readonly requestId: string
  /** App that the caller says to be; worked out when first asked for. */
  readonly attribution: Attribution
  /** Every window that was counted, after this request. */
  readonly limits: readonly LimitState[]
  /** Credits that are left after those of this request were taken; `null` on a route that takes none. */
  readonly creditsLeft: number | null
  /**
   * How often the handler has been begun for this idempotency key: a whole number, 1, or more after an attempt whose lease ended
   * unfinished, whose side effects may be there.
   */
  readonly attempt: number
  /** Header fields that the response shall carry: name and value. */
  readonly headers: readonly (readonly [string, string])[]
  /**
   * Says what the request costs, instead of what the route takes: the difference goes back, or is taken too as the route's
   * `overshoot` has it. May be said again, with another amount, until the lease of a metered route has ended.
   *
   * Resolves when it is written; with an idempotency key when it is noted, and it is written with the response.
   *
   * @param credits - A whole number from 0 to 2^53 - 1.
   * @throws {InvalidInputError} For anything else.
   * @throws {StoreConflictError} When the lease has ended, or the credits went back already.
   * @throws {StoreUnavailableError} When the store fails.
   */
  settle(credits: number): Promise<void>
}

/** An identity before its parts are asked for: nothing is worked out that the handler does not read. */
export class Admission implements Identity {
  readonly denied = false
  readonly #record: KeyRecord
  readonly #context: RequestContext
  readonly #plan: Plan
  readonly #windows: readonly WindowState[]
  readonly #earlier: Admission | undefined
  readonly #session: SessionClaims | undefined
  /** Monotonic instant of the admission. */
  readonly #admittedAtMs: number
  #attribution: Attribution | undefined

  constructor(
    context: RequestContext,
    record: KeyRecord,
    plan: Plan,
    windows: readonly WindowState[],
    admittedAtMs: number,
    earlier: Admission | undefined,
    session: SessionClaims | undefined,
  ) {
    this.#context = context
    this.#record = record
    this.#plan = plan
    this.#windows = windows
    this.#admittedAtMs = admittedAtMs
    this.#earlier = earlier
    this.#session = session
  }

  get keyId(): string {
    return this.#record.id
  }
  get owner(): string {
    return this.#record.owner
  }
  get name(): string {
    return this.#record.name
  }
  get lineage(): string {
    return this.#record.lineage
  }
  get scopes(): readonly string[] {
    const { scopes } = this.#record
    const session = this.#session
    return session === undefined ? scopes : scopes.filter((scope) => session.scopes.includes(scope))
  }
  get session(): Identity['session'] {
    if (this.#session === undefined) return null
    const { id, expiresAt } = this.#session
    return { id, expiresAt: new Date(expiresAt) }
  }
  get metadata(): Metadata {
    return this.#record.metadata
  }
  get requestId(): string {
    return this.#context.requestId
  }
  get admittedAtMs(): number {
    return this.#admittedAtMs
  }
  /** What was counted for this request so far, for a second `requireKey` on it. */
  get counted(): Counted {
    const { cost, policies } = this.#plan.charge
    const earlier = this.#earlier?.counted
    const costs = new Map(earlier?.policies)
    for (const name of policies) costs.set(name, Math.max(cost, costs.get(name) ?? 0))
    return { cost: Math.max(cost, earlier?.cost ?? 0), policies: costs }
  }
  get attribution(): Attribution {
    this.#attribution ??= withoutKeys(this.#context)
    return this.#attribution
  }
  get limits(): readonly LimitState[] {
    const own = labelled(this.#windows, this.#plan.labels)
    return this.#earlier === undefined ? own : [...this.#earlier.limits, ...own]
  }
  get creditsLeft(): number | null {
    return this.#context.exchange?.creditsLeft ?? null
  }
  get attempt(): number {
    return this.#context.exchange?.attempt ?? 1
  }
  async settle(credits: number): Promise<void> {
    if (this.#context.exchange === undefined) throw new Error('settle: this route takes no credits.')
    await this.#context.exchange.settle(credits)
  }
  get headers(): readonly (readonly [string, string])[] {
    return rateLimitHeaders(this.limits, this.#context.now(), this.#context.profile.rateLimitHeaders, true)
  }

  /** What `JSON.stringify` and a logger see. */
  toJSON(): object {
    const { keyId, owner, name, lineage, scopes, requestId } = this
    return { keyId, owner, name, lineage, scopes, requestId, sessionId: this.#session?.id }
  }
}

/** Drops what holds an API key or a token: a client that puts one into its own address shall not see it stored. */
function withoutKeys({ head, profile }: RequestContext): Attribution {
  const { referer, title, applicationName } = sanitizeAttribution(head, profile.attribution)
  const kept = (text: string | null) =>
    text === null || profile.keyFormat.pattern.test(text) || holdsToken(text) ? null : text
  return { referer: kept(referer), title: kept(title), applicationName: kept(applicationName) }
}
