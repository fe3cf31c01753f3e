import { digestApiKey, type Pepper } from './credential/digest.ts'
import type { KeyFormat } from './credential/key-format.ts'
import { type Observer, tell } from './events.ts'
import type { PolicyBook } from './limits/policies.ts'
import { withinDeadline } from './model/deadline.ts'
import { ConfigError, StoreUnavailableError } from './model/errors.ts'
import type { Gate } from './model/gate.ts'
import type { KeyStore } from './model/key-store.ts'

/** After a start that failed, requests are refused at once for this long before the next try. */
const RETRY_AFTER_MS = 500
/** How long a gate may take to be opened before that counts as failed, and is tried again with a later request. */
const GATE_OPEN_MS = 1_000
/** How long closing waits for a start that is under way. */
const CLOSE_DEADLINE_MS = 5_000

/** Brings the library up: once, lazily, and again after a failure. */
export interface Start {
  /** Opens the store and checks it: all that managing keys needs. */
  open(): Promise<void>
  /** Opens, and claims the right to serve requests. `undefined` when that is done: the usual case costs nothing. */
  serve(): Promise<void>
  /** Whether requests can be served now, without waiting. */
  isServing(): boolean
  /** Refuses whatever comes from now on. Resolves when no start is under way, or after 5 seconds. */
  close(): Promise<void>
}

/** What starting needs. */
export interface StartRooms {
  readonly store: KeyStore
  readonly gate: Gate
  /** What begins once requests are served. */
  readonly onServing: () => void
  readonly policies: PolicyBook
  readonly format: KeyFormat
  readonly peppers: readonly Pepper[]
  readonly observer: Observer | undefined
}

/** Creates the start. */
export function createStart({ store, gate, onServing, policies, format, peppers, observer }: StartRooms): Start {
  let isClosed = false
  let isServing = false
  let isFailing = false
  const underWay = new Set<Promise<void>>()
  const open = once(async () => {
    format.make() // throws where the random source is broken: better now than at the first key
    await store.open()
    await checkPeppers(store, peppers)
    await policies.load()
  })
  const serve = once(async () => {
    await open()
    if (isClosed) throw closed()
    const opening = gate.open?.((warning) => tell(observer, { type: 'warning', ...warning }))
    if (opening !== undefined) await withinDeadline(opening, GATE_OPEN_MS)
    if (gate.versions === 'process') await store.claim?.()
    onServing()
    isServing = true
  })

  /** Runs a step until it has succeeded once; a failure is kept for a moment, so that a storm of requests is one try. */
  function once(step: () => Promise<void>): () => Promise<void> {
    let running: Promise<void> | undefined
    let failedAt = Number.NEGATIVE_INFINITY
    return () => {
      if (isClosed) return Promise.reject(closed())
      if (running !== undefined && store.clock.monotonic() - failedAt < RETRY_AFTER_MS) return running
      if (running !== undefined && failedAt === Number.NEGATIVE_INFINITY) return running
      failedAt = Number.NEGATIVE_INFINITY
      running = step().then(recovered, (cause: unknown) => {
        failedAt = store.clock.monotonic()
        if (!isFailing) tell(observer, { type: 'degraded', part: 'start', cause })
        isFailing = true
        throw cause
      })
      const started = running
      underWay.add(started)
      const done = () => void underWay.delete(started)
      started.then(done, done)
      return running
    }
  }

  function recovered(): void {
    if (isFailing) tell(observer, { type: 'recovered', part: 'start' })
    isFailing = false
  }

  return {
    open,
    serve,
    isServing: () => isServing && !isClosed,
    async close() {
      isClosed = true
      await withinDeadline(Promise.allSettled(underWay), CLOSE_DEADLINE_MS).catch(() => {})
    },
  }
}

function closed(): StoreUnavailableError {
  return new StoreUnavailableError('keyward is closed.')
}

/**
 * Checks each pepper against the canary that its first start left in the store, and that no key needs a pepper
 * that is no longer there: a wrong pepper is an error here, not a storm of 401s later.
 */
async function checkPeppers(store: KeyStore, peppers: readonly Pepper[]): Promise<void> {
  for (const pepper of peppers) {
    const canary = await digestApiKey('keyward pepper canary', pepper)
    if ((await store.keepNote(`pepper:${pepper.version}`, canary)) !== canary)
      throw new ConfigError(
        `keys.peppers: the secret of version ${pepper.version} is not the one that this store was used with`,
      )
  }
  const known = new Set(peppers.map((pepper) => pepper.version))
  if (peppers.length < 2) known.add(0)
  const missing = (await store.pepperVersions()).find((version) => !known.has(version))
  if (missing !== undefined)
    throw new ConfigError(`keys.peppers: version ${missing} must stay configured while keys that need it are stored`)
}
