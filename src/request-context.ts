import { acceptsProblem, type DenialContext } from './answers/denial.ts'
import type { Profile } from './answers/profile.ts'
import type { RequestHead } from './credential/request-head.ts'
import type { Exchange } from './exchange.ts'
import type { Admission } from './identity.ts'
import type { Clock } from './model/clock.ts'
import type { KeyRecord } from './model/key-record.ts'
import type { AppReader } from './usage/app-reader.ts'
import type { RouteNames, RoutePattern } from './usage/route-name.ts'
import type { UsageCounter } from './usage/usage-counter.ts'

/** How a deployment reads every request. */
export interface RequestReader {
  readonly profile: Profile
  readonly clock: Clock
  /** Makes or takes over the request's id. */
  requestIdOf(head: RequestHead): string
  /** The client's address, by whoever's word counts for it. */
  addressOf(head: RequestHead): string | undefined
  /** Counts requests; `undefined` where nobody does. */
  readonly usage: { readonly counter: UsageCounter; readonly routes: RouteNames; readonly appOf: AppReader } | undefined
}

/** One request on its way through the library: made once for each, by whichever part of it comes first. */
export class RequestContext {
  readonly head: RequestHead
  /** What was admitted so far; `undefined` before the first `requireKey`. */
  admission: Admission | undefined
  /** What was claimed and taken for it; `undefined` where nothing was. */
  exchange: Exchange | undefined
  /** Monotonic instant at which its last check began, in milliseconds; kept only where an observer asks for it. */
  checkedAtMs: number | undefined
  /** Whether the library refused the request, which then reached no handler. */
  isRefused: boolean
  /** How usage calls the route, where its options say so. */
  routeName: string | undefined
  /** The framework's own route, or a way to ask for it when the request has ended. */
  pattern: RoutePattern | (() => RoutePattern) | undefined
  readonly #reader: RequestReader
  /** Private, since whoever prints a context shall not see a digest. */
  #caller: KeyRecord | undefined
  #isCounted = false
  #requestId: string | undefined

  constructor(head: RequestHead, reader: RequestReader) {
    this.head = head
    this.admission = undefined
    this.exchange = undefined
    this.checkedAtMs = undefined
    this.isRefused = false
    this.routeName = undefined
    this.pattern = undefined
    this.#reader = reader
  }

  get profile(): Profile {
    return this.#reader.profile
  }

  /** Id of the request, the same on the response, in its error and in events; made when it is first asked for. */
  get requestId(): string {
    this.#requestId ??= this.#reader.requestIdOf(this.head)
    return this.#requestId
  }

  /** The client's address, where it is known; worked out each time it is asked for. */
  get address(): string | undefined {
    return this.#reader.addressOf(this.head)
  }

  /** Wall time in milliseconds since the Unix epoch. */
  now(): number {
    return this.#reader.clock.now()
  }

  /** Milliseconds since its last check began. */
  sinceCheckMs(): number {
    return this.checkedAtMs === undefined ? 0 : this.#reader.clock.monotonic() - this.checkedAtMs
  }

  /** Notes the key that the request showed, once the store is known to know it. */
  recognise(caller: KeyRecord): void {
    this.#caller = caller
  }

  /** Whether the request showed a key that the store knows. */
  get isRecognised(): boolean {
    return this.#caller !== undefined
  }

  /** Whether usage has still to be told how the request ends: it showed a key that the store knows. */
  get isToBeCounted(): boolean {
    return this.#caller !== undefined && !this.#isCounted && this.#reader.usage !== undefined
  }

  /** Tells usage, once, with which status the request was answered. */
  count(status: number): void {
    const caller = this.#caller
    const { usage } = this.#reader
    if (caller === undefined || usage === undefined || this.#isCounted) return
    this.#isCounted = true
    usage.counter.count({
      key: caller,
      route: this.routeName ?? usage.routes.of(this.head.method, this.pattern),
      app: usage.appOf(this.head),
      status,
      isRefused: this.isRefused && status < 500,
      credits: this.exchange?.spent ?? 0,
    })
  }

  /** What every answer to this request has in common. */
  answerContext(): Pick<DenialContext, 'requestId' | 'acceptsProblem'> {
    return { requestId: this.requestId, acceptsProblem: acceptsProblem(this.head.header('accept')) }
  }
}
