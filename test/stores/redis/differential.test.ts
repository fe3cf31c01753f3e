import { randomInt } from 'node:crypto'
import { Redis } from 'ioredis'
import { redis as redisGate } from 'keyward/redis'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Bucket, Gate } from '../../../src/model/gate.ts'
import type { Window } from '../../../src/model/policy.ts'
import { startRedis } from '../../servers/redis.ts'
import type { Server } from '../../servers/server.ts'
import { clockedClient } from './clocked-client.ts'
import { LogOracle } from './log-oracle.ts'

const DECISIONS = 1_500

/** What a run draws from: limits, lengths in seconds, and steps of the clock in ms. */
interface Profile {
  readonly name: string
  readonly limits: readonly number[]
  readonly lengths: readonly number[]
  readonly steps: readonly number[]
}

const profiles: readonly Profile[] = [
  { name: 'small limits', limits: [0, 1, 2, 5, 20], lengths: [60, 90, 600], steps: [0, 1, 900, 9_000, 61_000] },
  {
    name: 'logs of about 512 units',
    limits: [100, 300, 512, 700, 1_500],
    lengths: [60, 300, 3_600],
    steps: [0, 7, 300],
  },
  {
    name: 'limits on both sides of 4,096',
    limits: [10, 4_000, 4_096, 4_097, 10_000],
    lengths: [60, 61, 900, 86_400],
    steps: [0, 100, 5_000, 100_000],
  },
  {
    name: 'coarse windows alone',
    limits: [5_000, 100_000, 1_000_000_000],
    lengths: [60, 3_600, 86_401],
    steps: [0, 500, 30_000, 2_000_000],
  },
  {
    name: 'the longest windows',
    limits: [3, 50, 5_000],
    lengths: [60, 86_400, 2_073_600],
    steps: [0, 1_000, 10_000_000, 700_000_000, 2_000_000_000],
  },
]

describe('windows in Redis', () => {
  let server: Server
  let client: Redis
  beforeAll(async () => {
    server = await startRedis()
    client = new Redis(server.url)
  })
  afterAll(async () => {
    client.disconnect()
    await server.stop()
  })

  for (const profile of profiles) {
    for (const steps of ['forward', 'both ways'] as const) {
      it.concurrent(`decide as in memory: ${profile.name}, a clock that steps ${steps}`, async () => {
        await compare(client, profile, steps === 'both ways', Number(process.env['KEYWARD_SEED'] ?? randomInt(1e9)))
      })
    }
  }
})

async function compare(client: Redis, profile: Profile, stepsBack: boolean, seed: number): Promise<void> {
  const random = numbersFrom(seed)
  const clocked = clockedClient(client)
  const gate = redisGate(clocked, { prefix: `differential-${seed}-${profile.name}-${stepsBack}:` })
  const oracle = new LogOracle()
  const draw = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)]!
  const lists: Window[][] = Array.from({ length: 6 }, (_, i) =>
    Array.from({ length: 1 + (i % 3) }, () => ({ limit: draw(profile.limits), windowSeconds: draw(profile.lengths) })),
  )
  let nowMs = 1_700_000_000_123
  for (let decision = 0; decision < DECISIONS; decision += 1) {
    nowMs += Math.ceil(random() * draw(profile.steps))
    if (stepsBack && random() < 0.03) nowMs -= Math.ceil(random() * 3 * draw(profile.steps))
    clocked.nowUs = nowMs * 1000
    const buckets = drawBuckets(random, lists)
    const mode = random() < 0.15 ? 'peek' : 'admit'
    const answer = await asked(gate, mode, buckets)
    const expected = oracle.decide(mode, buckets, nowMs)
    expect(answer, `seed ${seed}, decision ${decision}: ${mode} ${JSON.stringify(buckets)}`).toEqual(expected)
  }
}

function drawBuckets(random: () => number, lists: readonly (readonly Window[])[]): Bucket[] {
  const many = 1 + Math.floor(random() ** 2 * 3)
  return Array.from({ length: many }, () => {
    // Few buckets, so that one request names a bucket twice now and then; that one is never free.
    const id = `b${Math.floor(random() * 3)}`
    const windows = lists[Math.floor(random() * lists.length)]!
    return { id, windows, cost: drawCost(random, windows[0]!.limit, many > 1) }
  })
}

function drawCost(random: () => number, limit: number, never0: boolean): number {
  const kind = random()
  if (kind < 0.1 && !never0) return 0
  if (kind < 0.6) return 1
  if (kind < 0.75) return 1 + Math.floor(random() * 5)
  return Math.max(1, Math.floor(random() ** 3 * limit * 1.05))
}

async function asked(gate: Gate, mode: 'admit' | 'peek', buckets: readonly Bucket[]) {
  const request = { owner: 'org', lineage: 'key', version: 1, nonce: undefined, buckets }
  const answer = await gate[mode](request)
  return answer.outcome === 'unknown' ? gate[mode]({ ...request, nonce: answer.nonce }) : answer
}

/** Mulberry32: the same numbers for the same seed. */
function numbersFrom(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296
  }
}
