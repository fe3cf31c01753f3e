import { type Attribution, sanitizeAttribution } from './attribution/attribution.ts'
import { type LimitState, labelled } from './limits/limit-state.ts'
import type { Counted, Plan } from './limits/plan.ts'
import { rateLimitHeaders } from './limits/response-headers.ts'
import type { WindowState } from './model/gate.ts'
import type { KeyRecord, Metadata } from './model/key-record.ts'
import type { RequestContext } from './request-context.ts'

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
  readonly scopes: readonly string[]
  readonly metadata: Metadata
  readonly requestId: string
  /** App that the caller says to be; worked out when first asked for. */
  readonly attribution: Attribution
  /** Every window that was counted, after this request. */
  readonly limits: readonly LimitState[]
  /** Header fields that the response shall carry: name and value. */
  readonly headers: readonly (readonly [string, string])[]
}

/** An identity before its parts are asked for: nothing is worked out that the handler does not read. */
export class Admission implements Identity {
  readonly denied = false
  readonly #record: KeyRecord
  readonly #context: RequestContext
  readonly #plan: Plan
  readonly #windows: readonly WindowState[]
  readonly #earlier: Admission | undefined
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
  ) {
    this.#context = context
    this.#record = record
    this.#plan = plan
    this.#windows = windows
    this.#admittedAtMs = admittedAtMs
    this.#earlier = earlier
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
    return this.#record.scopes
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
  get headers(): readonly (readonly [string, string])[] {
    return rateLimitHeaders(this.limits, this.#context.now(), this.#context.profile.rateLimitHeaders, true)
  }

  /** What `JSON.stringify` and a logger see. */
  toJSON(): object {
    const { keyId, owner, name, lineage, scopes, requestId } = this
    return { keyId, owner, name, lineage, scopes, requestId }
  }
}

/** Drops what holds an API key: a client that puts its key into its own address shall not see it stored. */
function withoutKeys({ head, profile }: RequestContext): Attribution {
  const { referer, title, applicationName } = sanitizeAttribution(head, profile.attribution)
  const kept = (text: string | null) => (text === null || profile.keyFormat.pattern.test(text) ? null : text)
  return { referer: kept(referer), title: kept(title), applicationName: kept(applicationName) }
}
