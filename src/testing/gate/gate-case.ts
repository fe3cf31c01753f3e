import type { Gate } from '../../model/gate.ts'
import type { MaybePromise } from '../../model/maybe-promise.ts'
import { GateProbe } from './gate-probe.ts'

/** What a driver brings so that the contract can be run against it. */
export interface GateHarness {
  /** Creates a gate that holds nothing. The contract opens and closes it; closing it twice must do no harm. */
  createGate(): MaybePromise<GateUnderTest>
}

/** A gate, and what a case needs around it. */
export interface GateUnderTest {
  readonly gate: Gate
  /** Lets milliseconds pass on the clock that the gate decides by: sets it, or sleeps for at least so long. */
  advance(ms: number): MaybePromise<void>
  /** Milliseconds by which a call may come later than `advance` said: 0 where it sets the clock, at most 200. */
  readonly toleranceMs: number
  /**
   * Raises a lineage's version in the store, where the gate reads versions from one; absent where it keeps them itself.
   * Called before the first request of a lineage, and before {@link Gate.fence}; a lower version changes nothing.
   */
  setVersion?(owner: string, lineage: string, version: number): MaybePromise<void>
  /** Counts the logs that the gate holds for buckets. */
  entries(): MaybePromise<number>
}

/** A sentence of the contract and the proof of it. */
export interface GateCase {
  readonly name: string
  /** Rejects when the gate breaks the sentence. */
  run(harness: GateHarness): Promise<void>
}

/** Makes a case of a body that is given an open gate. */
export function gateCase(name: string, body: (probe: GateProbe) => Promise<void>): GateCase {
  return {
    name,
    async run(harness) {
      const subject = await harness.createGate()
      try {
        await subject.gate.open?.(() => {})
        await body(new GateProbe(subject))
      } finally {
        await subject.gate.close?.()
      }
    },
  }
}
