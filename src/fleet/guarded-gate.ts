import type { Observer } from '../events.ts'
import type { Clock } from '../model/clock.ts'
import { withinDeadline } from '../model/deadline.ts'
import type { StoreUnavailableError } from '../model/errors.ts'
import type { Gate, GateAnswer, GateRequest } from '../model/gate.ts'
import type { MaybePromise } from '../model/maybe-promise.ts'
import type { Window } from '../model/policy.ts'
import { createHealth } from './health.ts'

/** How long an answer may take where the driver does not say. */
const GATE_DEADLINE_MS = 1_000

/** What decides while the gate is away. */
export interface LocalGate {
  /** A gate of this process: only that of its windows is used, divided among the instances. */
  readonly gate: Gate
  /** How many instances share each limit: a whole number from 1 to 10,000. Each admits its part, rounded down. */
  readonly instances: number
  /** The oldest copy that may be used meanwhile: a whole number of seconds from 1 to 60. */
  readonly maxStaleSeconds: number
}

/** A gate that the walk asks. */
export interface GuardedGate {
  readonly versions: Gate['versions']
  /** @param readAtMs - Start of the read that the copy came from, on the monotonic clock. */
  admit(request: GateRequest, readAtMs: number): MaybePromise<GateAnswer>
  peek(request: GateRequest, readAtMs: number): MaybePromise<GateAnswer>
  fence: Gate['fence']
  close(): Promise<void>
}

/**
 * Puts a deadline on every call of a gate, tells when it is away and when it is back, and decides by windows of this
 * process meanwhile, where that is wanted. A gate of this process is used as it is.
 */
export function guardGate(
  gate: Gate,
  local: LocalGate | undefined,
  clock: Clock,
  observer: Observer | undefined,
): GuardedGate {
  const close = async () => {
    await gate.close?.()
    await local?.gate.close?.()
  }
  if (gate.versions === 'process')
    return {
      versions: gate.versions,
      admit: (request) => inTime(gate.admit(request)),
      peek: (request) => inTime(gate.peek(request)),
      fence: (owner, lineage, version) => gate.fence(owner, lineage, version),
      close,
    }

  const health = createHealth('gate', clock, observer)
  const deadlineMs = gate.deadlineMs ?? GATE_DEADLINE_MS
  const divide = createDivider(local?.instances ?? 1)

  function call<T>(work: () => MaybePromise<T>, otherwise: (cause: StoreUnavailableError) => MaybePromise<T>) {
    const worked = (answer: T) => {
      health.worked()
      return answer
    }
    const failed = (cause: unknown) => otherwise(health.failed(cause))
    try {
      health.check()
    } catch (cause) {
      return otherwise(cause as StoreUnavailableError)
    }
    try {
      return withinDeadline(Promise.resolve(work()), deadlineMs).then(worked, failed)
    } catch (cause) {
      return failed(cause)
    }
  }

  /** Whoever acts without the gate judges by a copy that no fence was compared with: so it must be a young one. */
  function alone(method: 'admit' | 'peek', request: GateRequest, readAtMs: number) {
    return (cause: StoreUnavailableError): MaybePromise<GateAnswer> => {
      if (local === undefined || clock.monotonic() - readAtMs > local.maxStaleSeconds * 1_000) throw cause
      return local.gate[method]({ ...request, buckets: divide(request.buckets) })
    }
  }

  return {
    versions: gate.versions,
    admit: (request, readAtMs) => call(() => gate.admit(request), alone('admit', request, readAtMs)),
    peek: (request, readAtMs) => call(() => gate.peek(request), alone('peek', request, readAtMs)),
    fence: (owner, lineage, version) =>
      call(
        () => gate.fence(owner, lineage, version),
        (cause) => Promise.reject(cause),
      ),
    close,
  }
}

function inTime(answer: MaybePromise<GateAnswer>): MaybePromise<GateAnswer> {
  return answer instanceof Promise ? withinDeadline(answer, GATE_DEADLINE_MS) : answer
}

/** Divides the limits of buckets; equal windows stay equal by identity, as a gate expects. */
function createDivider(instances: number): (buckets: GateRequest['buckets']) => GateRequest['buckets'] {
  const known = new WeakMap<readonly Window[], readonly Window[]>()
  function part(windows: readonly Window[]): readonly Window[] {
    const found = known.get(windows)
    if (found !== undefined) return found
    const divided = windows.map((window) => ({ ...window, limit: Math.floor(window.limit / instances) }))
    known.set(windows, divided)
    return divided
  }
  return (buckets) => buckets.map((bucket) => ({ ...bucket, windows: part(bucket.windows) }))
}
