import type { Bucket, Gate, GateAnswer, GateRequest, WindowState } from '../../model/gate.ts'
import type { Window } from '../../model/policy.ts'
import type { GateUnderTest } from './gate-case.ts'

/** What cases ask of a gate, and how they say what is wrong with it. */
export class GateProbe {
  readonly subject: GateUnderTest
  readonly gate: Gate
  /** Lineages that were made known to a store whose versions the gate reads. */
  readonly #known = new Map<string, Promise<void>>()

  constructor(subject: GateUnderTest) {
    this.subject = subject
    this.gate = subject.gate
  }

  /** Asks as a server does that has just read the record: presents the nonce where the gate knows no version. */
  async ask(method: 'admit' | 'peek', request: Partial<GateRequest>): Promise<GateAnswer> {
    const asked: GateRequest = { owner: 'org', lineage: 'key', version: 1, nonce: undefined, buckets: [], ...request }
    // Calls at once wait for the same write.
    await (this.#known.get(asked.lineage) ?? this.#setVersion(asked.owner, asked.lineage, asked.version))
    const answer = await this.gate[method](asked)
    return answer.outcome === 'unknown' ? this.gate[method]({ ...asked, nonce: answer.nonce }) : answer
  }

  /** Raises the version below which copies are stale, as a change to a key does. */
  async fence(owner: string, lineage: string, version: number): Promise<void> {
    await this.#setVersion(owner, lineage, version)
    await this.gate.fence(owner, lineage, version)
  }

  #setVersion(owner: string, lineage: string, version: number): Promise<void> {
    const written = Promise.resolve(this.subject.setVersion?.(owner, lineage, version))
    this.#known.set(lineage, written)
    return written
  }

  async admit(...buckets: readonly Bucket[]): Promise<Decision> {
    return decisionOf(await this.ask('admit', { buckets }))
  }

  async peek(...buckets: readonly Bucket[]): Promise<Decision> {
    return decisionOf(await this.ask('peek', { buckets }))
  }

  /** Asks in turn, and says how many were admitted. */
  async admitTimes(times: number, ...buckets: readonly Bucket[]): Promise<number> {
    let admitted = 0
    for (let i = 0; i < times; i++) if ((await this.admit(...buckets)).admitted) admitted += 1
    return admitted
  }
}

/** A decision about windows, the usual answer of a gate. */
export interface Decision {
  readonly admitted: boolean
  readonly windows: readonly WindowState[]
}

function decisionOf(answer: GateAnswer): Decision {
  if (answer.outcome === 'admitted' || answer.outcome === 'refused') {
    return { admitted: answer.outcome === 'admitted', windows: answer.windows }
  }
  throw new Error(`a gate that was shown its own nonce must decide, but answered ${answer.outcome}`)
}

/** A bucket of one window or several. */
export function bucket(id: string, windows: Window | readonly Window[], cost = 1): Bucket {
  return { id, windows: 'limit' in windows ? [windows] : windows, cost }
}
