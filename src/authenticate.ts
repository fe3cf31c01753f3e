import type { NetworkNotes } from './alerts/network-notes.ts'
import type { Denial } from './answers/denial.ts'
import type { FinishedAnswer } from './answers/finished-answer.ts'
import { parseAuthorization } from './credential/authorization.ts'
import type { Digester } from './credential/digest.ts'
import { type Observer, tell } from './events.ts'
import type { GuardedGate } from './fleet/guarded-gate.ts'
import type { Lease } from './fleet/lease.ts'
import { Admission, type Identity } from './identity.ts'
import { type Copies, type Copy, nameOfKey, type Sought } from './keys/copies.ts'
import { type Asked, isTerminal, judgeRecord, type RefusalReason } from './keys/judge.ts'
import type { Uses } from './keys/uses.ts'
import type { FailedAttempts } from './limits/failed-attempts.ts'
import { type Plan, planRequest } from './limits/plan.ts'
import type { PolicyBook } from './limits/policies.ts'
import { rememberRefusal, stillRefused } from './limits/remembered-refusal.ts'
import type { Clock } from './model/clock.ts'
import { withinDeadline } from './model/deadline.ts'
import { StoreUnavailableError } from './model/errors.ts'
import type { GateAnswer, WindowState } from './model/gate.ts'
import type { KeyRecord } from './model/key-record.ts'
import { andThen, type MaybePromise } from './model/maybe-promise.ts'
import type { SessionClaims } from './model/session-signer.ts'
import type { Refusals } from './refuse.ts'
import type { RequestContext } from './request-context.ts'
import type { Route } from './route.ts'
import type { ReadRequestBody, SecondHalf } from './second-half.ts'
import { isTokenShaped, type SessionReader } from './sessions/session-reader.ts'
import type { Start } from './start.ts'
import type { CheckTimes } from './usage/check-times.ts'

/** No key of any format is longer; what is, is not even hashed. */
const MAX_KEY_CHARACTERS = 512
/** A key that was changed while it was read is read again this often; then the store is behind the gate: 503. */
const MAX_REREADS = 3
/** How long a request waits for a store that is being opened or migrated, before it is answered with 503: that goes on. */
const START_DEADLINE_MS = 1_000
/** A request whose body took longer than this to arrive is judged again before its handler begins. */
const SLOW_BODY_MS = 1_000

/** What the walk is given by the composition. */
export interface WalkRooms {
  readonly clock: Clock
  readonly copies: Copies
  readonly policies: PolicyBook
  readonly gate: GuardedGate
  /** Vouches for copies on routes without limits, in leased mode; `undefined` in strict mode. */
  readonly lease: Lease | undefined
  readonly uses: Uses
  /** Measures some of the checks; `undefined` where nobody asks. */
  readonly checkTimes: CheckTimes | undefined
  /** Notices where keys are used from; `undefined` where nobody asks. */
  readonly networks: NetworkNotes | undefined
  readonly attempts: FailedAttempts
  readonly recognises: (apiKey: string) => boolean
  readonly digester: Digester
  /** Checks session tokens. */
  readonly sessions: SessionReader
  readonly audience: string | undefined
  readonly observer: Observer | undefined
  readonly start: Start
  readonly refusals: Refusals
  readonly secondHalf: SecondHalf
}

/** A request on its walk. */
interface Visit {
  readonly context: RequestContext
  readonly route: Route
  /** The API key that was shown, or the token that stands for a key: one of the two. */
  readonly apiKey: string | undefined
  readonly session: SessionClaims | undefined
  /** Name of the key's copy. */
  readonly copyName: string
  /** Whether the request was admitted before, and is only judged again. */
  readonly isAgain: boolean
  /** Monotonic instant at which its copy was found, or read. */
  foundAtMs: number
  rereads: number
}

/** The way of a request from its headers to an identity or a finished answer. Neither half throws. */
export interface Walk {
  /**
   * The first half, before the body is read: credential, format, digest, record, judge, gate. A second call for the
   * same request judges its own scopes and counts only what was not counted yet.
   */
  admit(context: RequestContext, route: Route): MaybePromise<Identity | Denial>
  /**
   * The second half, right before the handler: a request whose body was slow is judged again, so that no key that
   * was revoked meanwhile reaches the handler. Counts nothing. Then the route's claim, and then its credits.
   *
   * @returns An answer to send in the handler's place: a denial, or a response that was given before.
   */
  begin(context: RequestContext, route: Route, readBody?: ReadRequestBody): MaybePromise<FinishedAnswer | undefined>
}

/** Creates the walk. */
export function createWalk(rooms: WalkRooms): Walk {
  const { clock, copies, policies, gate, observer } = rooms
  const { refuse, refuseUnknown, refuseKey, refuseLimit, fail, recover } = rooms.refusals
  let isWarned = false
  let arePoliciesOld = false

  function admit(context: RequestContext, route: Route, isAgain = false): MaybePromise<Identity | Denial> {
    const credential = parseAuthorization(context.head.headerLines('authorization'))
    if ('refused' in credential) return refuse(context, credential.refused)
    const { apiKey } = credential
    if (isTokenShaped(apiKey)) {
      if (route.acceptsSessions) return admitSession(context, route, apiKey, isAgain)
      return refuse(context, 'invalid_api_key_format')
    }
    if (!route.acceptsKeys) return refuse(context, 'invalid_session_token')
    if (apiKey.length > MAX_KEY_CHARACTERS) return refuse(context, 'invalid_api_key_format')
    if (!rooms.start.isServing()) {
      if (!rooms.recognises(apiKey)) return refuse(context, 'invalid_api_key_format')
      return started().then(() => admit(context, route, isAgain))
    }
    return andThen(rooms.digester.digest(apiKey), (copyName) => {
      const foundAtMs = clock.monotonic()
      return findCopy({ context, route, apiKey, session: undefined, copyName, isAgain, foundAtMs, rereads: 0 })
    })
  }

  /** What a token itself can tell comes first; then it is its key that is found and judged, as if it had been shown. */
  function admitSession(
    context: RequestContext,
    route: Route,
    token: string,
    isAgain: boolean,
  ): MaybePromise<Identity | Denial> {
    return andThen(rooms.sessions.read(token, context.now()), (session) => {
      if (session === undefined) return refuse(context, 'invalid_session_token')
      if (!rooms.start.isServing()) return started().then(() => admitSession(context, route, token, isAgain))
      const copyName = nameOfKey(session.keyId)
      const foundAtMs = clock.monotonic()
      return findCopy({ context, route, apiKey: undefined, session, copyName, isAgain, foundAtMs, rereads: 0 })
    })
  }

  /** Whatever keeps the library from starting, a wrong option too, is 503 for a request: its key may be good. */
  async function started(): Promise<void> {
    try {
      await withinDeadline(rooms.start.serve(), START_DEADLINE_MS)
    } catch (cause) {
      throw new StoreUnavailableError('keyward has not started.', { cause })
    }
  }

  function findCopy(visit: Visit): MaybePromise<Identity | Denial> {
    if (copies.poll(visit.foundAtMs)) arePoliciesOld = true
    const copy = arePoliciesOld ? undefined : copies.get(visit.copyName, visit.foundAtMs)
    if (copy !== undefined) return decide(visit, copy, undefined)
    // What has a copy was recognised when it was read: the checksum is worked out for others, before the store is asked.
    if (visit.apiKey !== undefined && !rooms.recognises(visit.apiKey))
      return refuse(visit.context, 'invalid_api_key_format')
    return arePoliciesOld ? learnPolicies().then(() => lookUp(visit, 0)) : lookUp(visit, 0)
  }

  /** Until the policies could be read anew, every request tries: none is judged by what another process has changed. */
  async function learnPolicies(): Promise<void> {
    await policies.load()
    arePoliciesOld = false
  }

  async function lookUp(visit: Visit, notBefore: number, nonce?: string): Promise<Identity | Denial> {
    const sought = await soughtBy(visit)
    const isFree = visit.rereads > 0 || copies.isReading(visit.copyName)
    const attempt = isFree ? undefined : rooms.attempts.begin(visit.context.address)
    if (attempt !== undefined && attempt.waitMs > 0)
      return refuse(visit.context, 'too_many_failed_attempts', { retryAfterSeconds: Math.ceil(attempt.waitMs / 1_000) })
    let missed = false
    try {
      missed = visit.rereads === 0 && copies.isUnknown(visit.copyName, clock.monotonic())
      const copy = missed ? undefined : await readOrStale(visit, sought, notBefore)
      missed = copy === undefined
      visit.foundAtMs = clock.monotonic()
      recover()
      return copy === undefined ? refuseUnknown(visit) : decide(visit, copy, nonce)
    } finally {
      attempt?.end(missed)
    }
  }

  async function soughtBy({ apiKey, session }: Visit): Promise<Sought> {
    if (session !== undefined) return { keyId: session.keyId }
    return { digests: apiKey === undefined ? [] : await rooms.digester.candidates(apiKey) }
  }

  /** A copy that is too old may be used while the store is away, where that was chosen; never one that the gate sent back. */
  async function readOrStale(visit: Visit, sought: Sought, notBefore: number): Promise<Copy | undefined> {
    try {
      return await copies.read(visit.copyName, sought, notBefore)
    } catch (cause) {
      const stale = visit.rereads === 0 ? copies.getStale(visit.copyName, clock.monotonic()) : undefined
      if (stale === undefined) throw cause
      return stale
    }
  }

  /** Judges a copy; and whatever the verdict, no copy that is older than a change decides. */
  function decide(visit: Visit, copy: Copy, nonce: string | undefined): MaybePromise<Identity | Denial> {
    const { context, route } = visit
    const { record } = copy
    context.recognise(record)
    if (route.name !== undefined) context.routeName = route.name
    const reason = judgeRecord(record, asked(visit, record), context.now())
    if (reason !== undefined && isTerminal(reason)) return refuseKey(visit, record, reason)

    const plan = planFor(copy, context, route)
    const isGood = reason === undefined && plan !== undefined
    if (isGood && plan.buckets.length === 0 && rooms.lease?.isLive(visit.foundAtMs))
      return welcome(visit, copy, plan, NO_WINDOWS)
    const refusal = isGood ? stillRefused(copy.refusal, plan, visit.foundAtMs) : undefined
    if (refusal !== undefined && plan !== undefined) return refuseLimit(context, record, refusal, plan)

    const { owner, lineage, version } = record
    const request = { owner, lineage, version, nonce, buckets: plan?.buckets ?? [] }
    const decided = isGood ? gate.admit(request, copy.readAt) : gate.peek(request, copy.readAt)
    return andThen(decided, (answer) => conclude(visit, copy, plan, reason, answer))
  }

  /** Makes of the gate's answer what it means for a copy that was judged. */
  function conclude(
    visit: Visit,
    copy: Copy,
    plan: Plan | undefined,
    reason: RefusalReason | undefined,
    answer: GateAnswer,
  ): MaybePromise<Identity | Denial> {
    const { context, route } = visit
    const { record } = copy
    if (answer.outcome === 'stale') return readAgain(visit, record, undefined)
    if (answer.outcome === 'unknown') return readAgain(visit, record, answer.nonce)
    if (plan === undefined) return refuseKey(visit, record, reason ?? 'policy_missing')
    if (reason !== undefined) return refuseKey(visit, record, reason, { route, windows: answer.windows, plan })
    if (answer.outcome === 'refused') {
      if (gate.versions !== 'process') copy.refusal = rememberRefusal(plan, answer.windows, clock.monotonic())
      return refuseLimit(context, record, answer.windows, plan)
    }
    if (answer.outcome !== 'admitted') throw new StoreUnavailableError('The gate gave an answer that is none.')
    return (visit.isAgain ? context.admission : undefined) ?? welcome(visit, copy, plan, answer.windows)
  }

  /** Reads a key again, in a read that begins after the gate's answer, at the primary (`fence.md`, rules 4 and 7). */
  function readAgain(visit: Visit, record: KeyRecord, nonce: string | undefined): MaybePromise<Identity | Denial> {
    tell(observer, { type: 'stale', requestId: visit.context.requestId, keyId: record.id, version: record.version })
    if (visit.rereads >= MAX_REREADS) throw new StoreUnavailableError('The store is behind the gate.')
    visit.rereads += 1
    copies.drop(visit.copyName)
    return lookUp(visit, copies.mark(), nonce)
  }

  function welcome(visit: Visit, copy: Copy, plan: Plan, windows: readonly WindowState[]): Identity {
    const { context, foundAtMs, session } = visit
    const { record } = copy
    if (foundAtMs >= copy.nextUseAt) rooms.uses.note(copy, foundAtMs)
    // A token is shown by whoever it was minted for: many people, who are everywhere.
    if (session === undefined) rooms.networks?.note(copy, context)
    const earlier = context.admission
    const admission = new Admission(context, record, plan, windows, foundAtMs, earlier, session)
    context.admission = admission
    if (observer !== undefined) {
      const { id: keyId, owner } = record
      const cost = Math.max(0, plan.charge.cost - (earlier?.counted.cost ?? 0))
      const durationMs = context.sinceCheckMs()
      tell(observer, { type: 'admitted', requestId: context.requestId, keyId, owner, cost, durationMs })
    }
    return admission
  }

  /** A stranger's check is short, and says nothing of what a request costs. */
  function measured(context: RequestContext, decision: Identity | Denial): Identity | Denial {
    if (context.isRecognised) rooms.checkTimes?.note(context.sinceCheckMs())
    return decision
  }

  function begin(
    context: RequestContext,
    route: Route,
    readBody: ReadRequestBody | undefined,
  ): MaybePromise<FinishedAnswer | undefined> {
    const takesNothing = route.idempotency === undefined && route.credits === undefined
    return takesNothing ? judgeAgain(context, route) : beginWork(context, route, readBody)
  }

  /** The body first, because it may be slow: whoever comes after it is judged by what holds then. */
  async function beginWork(
    context: RequestContext,
    route: Route,
    readBody: ReadRequestBody | undefined,
  ): Promise<FinishedAnswer | undefined> {
    const { secondHalf } = rooms
    const refused = context.admission === undefined ? await judgeAgain(context, route) : undefined
    const { admission } = context
    if (refused !== undefined || admission === undefined) return refused
    const wish = await secondHalf.prepare(context, admission, route, readBody)
    if (wish !== undefined && 'status' in wish) return wish
    return (await judgeAgain(context, route)) ?? secondHalf.open(context, admission, route, wish)
  }

  function judgeAgain(context: RequestContext, route: Route): MaybePromise<Denial | undefined> {
    const { admission } = context
    if (admission !== undefined && clock.monotonic() - admission.admittedAtMs <= SLOW_BODY_MS) return undefined
    const charge = { ...route.charge, cost: 0 }
    const decision = admission === undefined ? admit(context, route) : admit(context, { ...route, charge }, true)
    return andThen(decision, (made) => (made.denied ? made : undefined))
  }

  function asked({ context, route, session }: Visit, record: KeyRecord): Asked {
    if (session === undefined && record.addresses.length === 0) return route.asked
    return { ...route.asked, address: record.addresses.length === 0 ? undefined : context.address, session }
  }

  function planFor(copy: Copy, context: RequestContext, route: Route): Plan | undefined {
    const { plan } = copy
    const counted = context.admission?.counted
    if (counted !== undefined) return planRequest(policies, copy.record, route.charge, counted)
    if (plan !== undefined && plan.charge === route.charge && plan.generation === policies.generation()) return plan
    copy.plan = planRequest(policies, copy.record, route.charge)
    return copy.plan
  }

  function guarded<T>(context: RequestContext, half: () => MaybePromise<T>): MaybePromise<T | Denial> {
    try {
      const decision = half()
      return decision instanceof Promise ? decision.catch((cause: unknown) => fail(context, cause)) : decision
    } catch (cause) {
      return fail(context, cause)
    }
  }

  /** A second `requireKey` on one request is rarely meant; it counts only what the first did not. */
  function warnTwice(): void {
    if (!isWarned) tell(observer, MOUNTED_TWICE)
    isWarned = true
  }

  return {
    admit(context, route) {
      if (context.admission !== undefined) warnTwice()
      const isMeasured = rooms.checkTimes?.isNext() === true
      if (observer !== undefined || isMeasured) context.checkedAtMs = clock.monotonic()
      const decision = orWithdraw(context, () => guarded(context, () => admit(context, route)))
      return isMeasured ? andThen(decision, (made) => measured(context, made)) : decision
    },
    begin: (context, route, readBody) =>
      orWithdraw(context, () => guarded(context, () => begin(context, route, readBody))),
  }
}

/** Where a second `requireKey` answers a request, what the first has claimed and taken goes back: no handler runs. */
function orWithdraw<T extends object | undefined>(
  context: RequestContext,
  half: () => MaybePromise<T>,
): MaybePromise<T> {
  const { exchange } = context
  if (exchange === undefined) return half()
  return andThen(half(), (made) => {
    if (made !== undefined && 'status' in made) exchange.withdraw()
    return made
  })
}

const NO_WINDOWS: readonly WindowState[] = []

const MOUNTED_TWICE = {
  type: 'warning',
  code: 'mounted_twice',
  message: 'requireKey ran twice for one request: each judges its own scopes, and what is counted is counted once.',
} as const
