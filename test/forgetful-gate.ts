import { type Clock, type Gate, type GateAnswer, type GateRequest, memoryGate } from 'keyward'

/** What a gate on a server knows of a lineage (`fence.md`, rule 2). */
type Entry = { readonly verified: number } | { readonly floor: number; readonly nonce: string }

/** A gate as one on a server behaves, whose memory a test can take away. */
export interface ForgetfulGate extends Gate {
  /** Loses every version, as a flush, an eviction or a restart does; windows stay. */
  forget(): void
  /** How many times it was asked so far. */
  readonly calls: number
  /** What a fence fails with, while a test sets it. */
  fenceFailure: Error | undefined
}

/** Creates a gate after rules 2 to 5 of `fence.md`, which decides when asked and answers a turn later. */
export function forgetfulGate(clock: Clock): ForgetfulGate {
  const windows = memoryGate({ clock })
  let entries = new Map<string, Entry>()
  let calls = 0

  function check({ lineage, version, nonce }: GateRequest): GateAnswer | undefined {
    const entry = entries.get(lineage)
    if (entry === undefined) {
      const fresh = crypto.randomUUID()
      entries.set(lineage, { floor: 0, nonce: fresh })
      return { outcome: 'unknown', nonce: fresh }
    }
    if ('verified' in entry) {
      if (version < entry.verified) return { outcome: 'stale' }
    } else if (nonce !== entry.nonce || version < entry.floor) return { outcome: 'unknown', nonce: entry.nonce }
    entries.set(lineage, { verified: version })
    return undefined
  }

  async function later<T>(value: T): Promise<T> {
    await new Promise<void>((resolve) => setImmediate(resolve))
    return value
  }

  const gate: ForgetfulGate = {
    versions: 'gate',
    fenceFailure: undefined,
    get calls() {
      return calls
    },
    forget() {
      entries = new Map()
    },
    admit(request) {
      calls += 1
      return later(check(request) ?? windows.admit(request))
    },
    peek(request) {
      calls += 1
      return later(check(request) ?? windows.peek(request))
    },
    async fence(_owner, lineage, version) {
      if (gate.fenceFailure !== undefined) throw gate.fenceFailure
      const entry = entries.get(lineage) ?? { floor: 0, nonce: crypto.randomUUID() }
      const raised =
        'verified' in entry
          ? { verified: Math.max(version, entry.verified) }
          : { ...entry, floor: Math.max(version, entry.floor) }
      entries.set(lineage, raised)
      await later(undefined)
    },
  }
  return gate
}
