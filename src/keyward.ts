import { composeAlerts } from './alerting.ts'
import type { Alerts } from './alerts/alerts.ts'
import { createDenial, type Denial, type DenialContext } from './answers/denial.ts'
import { codeOfError, isServerFailure, issuesOfError } from './answers/error-code.ts'
import type { FinishedAnswer } from './answers/finished-answer.ts'
import { defaultProfile, type Profile } from './answers/profile.ts'
import { createRequestIds } from './answers/request-id.ts'
import type { DenialCode } from './answers/standard-answers.ts'
import { type Audit, createAudit } from './audit/audit.ts'
import { createWalk } from './authenticate.ts'
import { createAddressReader } from './credential/client-address.ts'
import { createDigester } from './credential/digest.ts'
import { type HeadersLike, headOfHeaders } from './credential/headers-head.ts'
import type { RequestHead } from './credential/request-head.ts'
import { type Credits, createCredits } from './credits/credits.ts'
import { createFirstCredits } from './credits/first-credits.ts'
import { deploymentOf, noteDeployment } from './deployment.ts'
import { tell } from './events.ts'
import { composeExchanges, withoutExchange } from './exchanges.ts'
import { guardGate } from './fleet/guarded-gate.ts'
import { guardStore } from './fleet/guarded-store.ts'
import { createLease, type NoticeListener } from './fleet/lease.ts'
import { createPulse } from './fleet/pulse.ts'
import type { Identity } from './identity.ts'
import { createCommitter } from './keys/committer.ts'
import { type Copies, createCopies } from './keys/copies.ts'
import { createKeyIds } from './keys/key-id.ts'
import type { Key } from './keys/key-view.ts'
import { createKeys, type Keys } from './keys/keys.ts'
import { createUses } from './keys/uses.ts'
import { createLeaks, type Leaks } from './leaks/leaks.ts'
import { createFailedAttempts } from './limits/failed-attempts.ts'
import { createLimits, type Limits } from './limits/limits.ts'
import { createPolicyBook, type PolicyBook } from './limits/policies.ts'
import { isLoadedTwice } from './loaded-twice.ts'
import { type ManageContext, ownerOf } from './model/actor.ts'
import { ConfigError, NotFoundError } from './model/errors.ts'
import { andThen, type MaybePromise } from './model/maybe-promise.ts'
import { checkKeywardOptions, chooseAges, chooseGate, defaultPolicies, type KeywardOptions } from './options.ts'
import { createRefusals } from './refuse.ts'
import { RequestContext, type RequestReader } from './request-context.ts'
import { compileRoute, type Route, type RouteOptions } from './route.ts'
import type { ReadRequestBody } from './second-half.ts'
import { createSessions, type Sessions } from './sessions/mint-session.ts'
import { createSessionReader, holdsToken } from './sessions/session-reader.ts'
import { createSignIns, type SignIns } from './sign-ins/sign-ins.ts'
import { createStart } from './start.ts'
import { memoryGate } from './stores/memory/memory-gate.ts'
import { createAppReader } from './usage/app-reader.ts'
import { RouteNames } from './usage/route-name.ts'
import { createUsage, type Usage } from './usage/usage.ts'

/** An API-key system in this process. */
export interface Keyward {
  /** Issues, lists and changes keys. */
  readonly keys: Keys
  /** Policies, and what is used of them. */
  readonly limits: Limits
  /** Session tokens, where `sessions` was given. */
  readonly sessions: Sessions
  /** Credits of keys and owners, and what moved them. */
  readonly credits: Credits
  /** What was done, by whom, and that nobody has changed it since. */
  readonly audit: Audit
  /** Who has signed in to pages for people, such as the dashboard. */
  readonly signIns: SignIns
  /** Keys that were found in the open. */
  readonly leaks: Leaks
  /** What keys and credits do that somebody should look at. */
  readonly alerts: Alerts
  /** How much keys are used, and by which apps. */
  readonly usage: Usage
  /** The wire format of every answer. */
  readonly profile: Profile
  /**
   * Opens and migrates the store, checks the pepper, and claims the right to serve. Optional: the first request
   * does it too, and is answered 503 if it fails.
   *
   * @throws {ConfigError} When an option does not fit what is there.
   * @throws {StoreUnavailableError} When the store cannot be reached.
   */
  ready(): Promise<void>
  /** Waits for reads and changes that are under way, writes what waits to be written, and closes store and gate. Later requests get 503. */
  close(): Promise<void>
  /**
   * Checks a key from header fields, for whatever is no HTTP request of a framework: WebSockets, tRPC, queues.
   * `denied` tells the two answers apart.
   *
   * @throws {ConfigError} When an option breaks its rule. Nothing else is thrown.
   */
  authenticate(headers: HeadersLike, options?: RouteOptions): MaybePromise<Identity | Denial>
  /**
   * Checks an API key as such, for services in other languages. Counts like a request. A key that is not good, or
   * not the actor's, is told by nothing but a code.
   */
  verify(input: VerifyInput, context?: ManageContext): Promise<Verification>

  /** Checks a route's options once. @throws {ConfigError} Quoting the option and the rule. */
  route(options?: RouteOptions): Route
  /** Begins a request: gives it its id. The first of an adapter's calls. */
  receive(head: RequestHead): RequestContext
  /** The first half of the walk, before the body is read. Never throws. */
  admit(context: RequestContext, route: Route): MaybePromise<Identity | Denial>
  /**
   * The second half, right before the handler. Never throws. What a route claims and takes is in `context.exchange` from
   * then on, which must be told how the response ends: see `beginNode` and `beginFetch`.
   *
   * @param readBody - Reads the raw body and leaves it for the handler; routes with idempotency need it.
   * @returns An answer to send in the handler's place; `undefined` to go on.
   */
  begin(context: RequestContext, route: Route, readBody?: ReadRequestBody): MaybePromise<FinishedAnswer | undefined>
  /**
   * Says whether a request shows a session token of this keyward, whatever became of the token's key: such a request is
   * no business of whoever manages keys.
   */
  showsSession(context: RequestContext): MaybePromise<boolean>
  /** Makes any answer of the profile, for an error of the host's own. */
  deny(context: RequestContext, code: DenialCode, details?: Omit<DenialContext, 'requestId' | 'acceptsProblem'>): Denial
  /** Makes the answer for something thrown: nothing of it but its code, and the fields that broke a rule, gets out. */
  denyError(context: RequestContext, error: unknown): Denial
}

/** A key to check, and what it must be good for. */
export interface VerifyInput extends RouteOptions {
  readonly apiKey: string
  /**
   * Address of the client that presented the key, for keys that are good from some addresses only. Failed attempts
   * count against it; without it, against the address of whoever asks (`context.address`).
   */
  readonly address?: string | undefined
}

/** What a check found. */
export interface Verification {
  readonly valid: boolean
  /** Why not; absent for a valid key. */
  readonly code?: DenialCode
  /** The key; absent for one that is not valid. */
  readonly key?: Key
}

/**
 * Composes a keyward. Synchronous, and does no I/O: the store is opened by {@link Keyward.ready} or the first use.
 *
 * @throws {ConfigError} When an option is wrong, quoting the option and the rule.
 */
export function createKeyward(options: KeywardOptions): Keyward {
  checkKeywardOptions(options)
  const { profile = defaultProfile, onEvent: observer, fleet } = options
  const { clock } = options.store
  const defined = options.limits?.policies ?? {}
  const localGate = () => memoryGate({ clock })
  const chosenGate = chooseGate(options, localGate)
  const away = fleet?.whenGateAway
  const local = away === undefined || away === 'closed' ? undefined : { ...away, gate: localGate() }
  const gate = guardGate(chosenGate, local, clock, observer)
  const store = guardStore(options.store, observer)

  const accountMode = options.credits?.account ?? 'owner'
  const digester = createDigester(options.keys?.peppers)
  const policies = createPolicyBook(store, defined)
  const copies = createCopies(store, options.keys?.copies ?? {}, chooseAges(options, gate.versions))
  chosenGate.onConnection?.(copies.dropAll)
  const lease = fleet?.channel && createLease(fleet.channel, clock, noticeListener(copies, policies), observer)
  const isLeased = fleet?.revocation === 'leased'
  const uses = createUses(store, observer)
  const formats = [profile.keyFormat, ...(options.keys?.accept ?? [])]
  const recognises = (apiKey: string) => formats.some((format) => format.recognises(apiKey))
  const requestIds = createRequestIds(profile.requestId)
  const requestIdField = profile.requestId.header.toLowerCase()
  const committer = createCommitter({
    ...{ store, gate, copies, lease, isLeased, observer },
    ready: () => start.open(),
  })
  const pulse = createPulse(() => Promise.all([committer.drain(), policies.load().catch(() => {})]))
  const start = createStart({
    store,
    gate: chosenGate,
    policies,
    format: profile.keyFormat,
    peppers: options.keys?.peppers ?? [],
    observer,
    onServing() {
      // Nobody waits for a channel: until it is heard, the gate is asked.
      void lease?.open()
      auditRoom.start()
      alerting.start()
      usageRoom.start()
      // For tools beside the servers; nobody waits for it, and without it they ask for more.
      void noteDeployment(options.store, deploymentOf(options, { ...deployment, versions: gate.versions })).catch(
        () => {},
      )
      if (gate.versions !== 'process' || store.sharing === 'serve') pulse.start()
    },
  })
  const audience = options.keys?.audience
  const sessionReader = createSessionReader(options.sessions)
  const refusals = createRefusals(observer)
  const alerting = composeAlerts({ options, store, ready: () => start.open() })
  const exchanges = composeExchanges({
    ...{ options, profile, store, accountMode, refusals },
    isServing: () => start.isServing(),
    watchLedger: alerting.watchLedger,
    requestIdField,
  })
  const usageRoom = createUsage({
    ...{ store: { ...store, ...(store.usage && { usage: alerting.watchUsage(store.usage) }) }, clock, observer },
    isEnabled: options.usage ?? true,
    ready: () => start.open(),
  })
  const { counter } = usageRoom
  const walk = createWalk({
    refusals,
    secondHalf: exchanges.secondHalf,
    clock,
    copies,
    policies,
    gate,
    lease: isLeased ? lease : undefined,
    uses,
    checkTimes: counter?.checkTimes,
    networks: alerting.networks,
    digester,
    sessions: sessionReader,
    audience,
    observer,
    recognises,
    attempts: createFailedAttempts(
      clock,
      options.clientAddress === undefined ? undefined : (options.limits?.failedAttempts ?? {}),
    ),
    start,
  })
  const deployment = {
    keyFormat: profile.keyFormat,
    defaultPolicies: defaultPolicies(options.limits?.default, defined),
  }
  const keys = createKeys({
    store,
    policies,
    committer,
    digester,
    format: profile.keyFormat,
    nextId: createKeyIds(),
    defaultPolicies: deployment.defaultPolicies,
    requireScopes: options.keys?.requireScopes ?? false,
    onDelete: options.keys?.onDelete ?? 'soft',
    giveFirstCredits: createFirstCredits(store.ledger, accountMode, clock, options.credits?.initial ?? 0),
  })
  const showsKey = (text: string) => profile.keyFormat.pattern.test(text) || holdsToken(text)
  const auditRoom = createAudit({
    store,
    retentionDays: options.audit?.retentionDays ?? 90,
    showsKey,
    observer,
    ready: () => start.open(),
  })
  const leaks = createLeaks({ store, committer, recognises, digests: digester.candidates, showsKey, observer })
  if (options.clientAddress === undefined) tell(observer, CLIENT_ADDRESS_UNSET)
  if (isLoadedTwice()) tell(observer, LOADED_TWICE)

  /** The id that a request brings, where that is wanted, and unless the client put its key there. */
  function incomingId(head: RequestHead): string | undefined {
    if (!profile.requestId.keepIncoming) return undefined
    const id = head.header(requestIdField)
    return id === undefined || profile.keyFormat.pattern.test(id) || holdsToken(id) ? undefined : id
  }

  /** Checks a route's options, and that this keyward has what they ask for. */
  function compile(routeOptions: RouteOptions, owner?: string): Route {
    const route = compileRoute(routeOptions, audience, owner)
    if (route.acceptsSessions && options.sessions === undefined)
      throw new ConfigError("requireKey.accept: 'session' takes sessions(…) in createKeyward.sessions")
    return route
  }

  const plainRoute = compile({})
  const reader: RequestReader = {
    profile,
    clock,
    requestIdOf: (head) => requestIds(incomingId(head)),
    addressOf: createAddressReader(options.clientAddress),
    usage: counter && { counter, routes: new RouteNames(), appOf: createAppReader(profile.attribution, showsKey) },
  }

  function receive(head: RequestHead): RequestContext {
    return new RequestContext(head, reader)
  }

  /** Admits what has no response: counted as what it would have been answered with. */
  function check(head: RequestHead, route: Route): MaybePromise<Identity | Denial> {
    const context = receive(head)
    return andThen(walk.admit(context, route), (decision) => {
      context.count(decision.denied ? decision.status : 200)
      return decision
    })
  }

  const deny: Keyward['deny'] = (context, code, details) =>
    createDenial(profile, code, { ...details, ...context.answerContext() })

  return {
    keys,
    limits: createLimits({ store, gate, lease, policies, observer, ready: start.open }),
    credits: createCredits({ store, mode: accountMode, observer, ready: start.open }),
    audit: auditRoom.audit,
    signIns: createSignIns(store, start.open),
    leaks,
    alerts: alerting.alerts,
    usage: usageRoom.usage,
    sessions: createSessions({ signer: options.sessions, store, audience, observer, ready: start.open }),
    profile,
    ready: () => start.serve(),
    async close() {
      await start.close()
      await pulse.close()
      await exchanges.close()
      await auditRoom.close()
      await usageRoom.close()
      await alerting.close()
      await Promise.all([copies.idle(), committer.idle()])
      await uses.close()
      await lease?.close()
      await gate.close()
      await store.close()
    },
    authenticate: (headers, routeOptions) =>
      check(headOfHeaders(headers), routeOptions === undefined ? plainRoute : withoutExchange(compile(routeOptions))),
    async verify({ apiKey, address, ...routeOptions }, context) {
      const route = withoutExchange(compile(routeOptions, ownerOf(context?.actor)))
      if (apiKey !== apiKey.trim()) return { valid: false, code: 'invalid_api_key_format' }
      const head = headOfHeaders({ authorization: `Bearer ${apiKey}` }, address ?? context?.address)
      const decision = await check(head, route)
      if (decision.denied) return { valid: false, code: decision.code }
      const key = await keys.get(decision.keyId).catch(unlessGone)
      return key === undefined ? { valid: false, code: 'invalid_api_key' } : { valid: true, key }
    },
    route(routeOptions = {}) {
      const route = compile(routeOptions)
      exchanges.expect(route)
      return route
    },
    receive,
    admit: walk.admit,
    begin: walk.begin,
    showsSession: (context) => sessionReader.isShown(context.head.headerLines('authorization'), context.now()),
    deny,
    denyError(context, error) {
      const code = codeOfError(error)
      context.exchange?.fail(code)
      if (isServerFailure(code)) tell(observer, { type: 'failed', requestId: context.requestId, cause: error })
      return deny(context, code, { issues: issuesOfError(error) })
    },
  }
}

/** What other processes told, and what this one tells itself, which does no harm. */
function noticeListener(copies: Copies, policies: PolicyBook): NoticeListener {
  return {
    heard(notice) {
      if (notice.type === 'key') copies.raise(notice.lineage, notice.version)
      else if (notice.type === 'added') copies.forgetUnknown()
      else policies.load().catch(() => {})
    },
    missed: copies.dropAll,
  }
}

/** A key that was purged right after it was checked is not good. */
function unlessGone(error: unknown): undefined {
  if (!(error instanceof NotFoundError)) throw error
}

const LOADED_TWICE = {
  type: 'warning',
  code: 'loaded_twice',
  message: 'Two copies of keyward are loaded: each counts windows of its own. `npm ls keyward` shows who brings them.',
} as const

const CLIENT_ADDRESS_UNSET = {
  type: 'warning',
  code: 'client_address_unset',
  message: 'clientAddress is not set: failed attempts are not counted. Set it to "peer" or to your trusted proxies.',
} as const
