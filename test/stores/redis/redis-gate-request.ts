import { setTimeout as sleep } from 'node:timers/promises'
import type { Bucket, Gate, GateAnswer, GateRequest } from '../../../src/model/gate.ts'

/** A request of one key, and what differs from it. */
export function request(different: Partial<GateRequest> = {}): GateRequest {
  return { owner: 'org', lineage: 'key', version: 1, nonce: undefined, buckets: [], ...different }
}

/** A bucket of one window. */
export function bucket(id: string, limit: number, windowSeconds = 60, cost = 1): Bucket {
  return { id, windows: [{ limit, windowSeconds }], cost }
}

/** Asks as a server does that reads the record after an answer that it is unknown, and then shows the nonce. */
export async function admitted(gate: Gate, different: Partial<GateRequest> = {}): Promise<GateAnswer> {
  const answer = await gate.admit(request(different))
  return answer.outcome === 'unknown' ? gate.admit(request({ ...different, nonce: answer.nonce })) : answer
}

/** The nonce that a gate hands out for a lineage it does not know. */
export async function nonceFrom(gate: Gate, different: Partial<GateRequest> = {}): Promise<string> {
  const answer = await gate.admit(request(different))
  if (answer.outcome !== 'unknown') throw new Error(`a gate that must not know the lineage answered ${answer.outcome}`)
  return answer.nonce
}

/** Waits until something holds, for at most ten seconds. */
export async function eventually(holds: () => unknown): Promise<void> {
  for (let tries = 0; tries < 500; tries += 1) {
    if (await holds()) return
    await sleep(20)
  }
  throw new Error(`never came true: ${holds}`)
}
