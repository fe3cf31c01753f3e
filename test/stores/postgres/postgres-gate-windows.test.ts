import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Bucket, GateAnswer, GateRequest } from '../../../src/model/gate.ts'
import type { Window } from '../../../src/model/policy.ts'
import { memoryGate } from '../../../src/stores/memory/memory-gate.ts'
import { gateContract } from '../../../src/testing/gate-contract.ts'
import { createDatabase, startPostgres } from '../../servers/postgres.ts'
import type { Server } from '../../servers/server.ts'
import {
  type GateDatabase,
  type InstalledGate,
  installClock,
  openGateDatabase,
  setClock,
} from './postgres-gate-harness.ts'

const LONG = process.env['KEYWARD_LONG'] === '1'
const START_MS = 1_700_000_000_123

let server: Server
let database: GateDatabase
let nowMs = START_MS

beforeAll(async () => {
  server = await startPostgres()
  const url = await createDatabase(server)
  await installClock(url)
  database = openGateDatabase(url, { ownClock: true })
})
afterAll(async () => {
  await database?.close()
  await server?.stop()
})
beforeEach(async () => {
  nowMs = START_MS
  await setClock(database, nowMs)
})
afterEach(() => {
  vi.useRealTimers()
})

describe('the contract of a gate, on Postgres with a clock that is set', () => {
  for (const { name, run } of gateContract) {
    it(name, () =>
      run({
        async createGate() {
          const { gate, setVersion, entries, query } = await database.createGate()
          return {
            gate,
            setVersion,
            toleranceMs: 0,
            async advance(ms) {
              nowMs += ms
              await setClock(database, nowMs)
            },
            async entries() {
              // The gate's timer runs on another clock.
              await query('SELECT keyward_gate_sweep(1000)', [])
              return entries()
            },
          }
        },
      }),
    )
  }
})

describe('the Postgres gate beside the memory gate', () => {
  const seeds = LONG ? 100 : 8
  for (let seed = 1; seed <= seeds; seed++) {
    it(`decides as the memory gate does, whatever is asked of a log: seed ${seed}`, async () => {
      const random = randomFrom(seed)
      const both = await startBoth()
      for (let step = 0; step < 400; step++) {
        await both.passTime(timeStep(random))
        // So that both forget an ended log, and what was asked of it, at the same time.
        vi.advanceTimersByTime(30_001)
        await both.compare(random() < 0.15 ? 'peek' : 'admit', randomBuckets(random), `seed ${seed}, step ${step}`)
      }
    })

    it(`decides as the memory gate does while the clock steps back: seed ${seed}`, async () => {
      const random = randomFrom(seed)
      const both = await startBoth()
      for (let step = 0; step < 300; step++) {
        await both.passTime(random() < 0.05 ? -Math.floor(random() * 5_000) : timeStep(random))
        const buckets = WINDOWS.map((windows, i) => ({ id: `log-${i}`, windows, cost: cost(random) }))
        await both.compare('admit', [pick(random, buckets)], `seed ${seed}, step ${step}`)
      }
    })
  }

  it('decides as the memory gate does when a clock steps back, and opens no window', async () => {
    const both = await startBoth()
    const windows = [{ limit: 5, windowSeconds: 10 }]
    for (let i = 0; i < 5; i++) await both.compare('admit', [{ id: 'a', windows, cost: 1 }], `filling ${i}`)
    await both.passTime(-30_000)
    for (let i = 0; i < 45; i++) {
      await both.compare('admit', [{ id: 'a', windows, cost: 1 }], `${i} half seconds after the step`)
      await both.passTime(500)
    }
    await both.passTime(-3_600_000)
    const refused = await both.compare('admit', [{ id: 'a', windows, cost: 6 }], 'after a step of an hour')
    expect(refused.outcome).toBe('refused')
    await both.passTime(20_000)
    expect((await both.compare('admit', [{ id: 'a', windows, cost: 5 }], 'two windows later')).outcome).toBe('admitted')
  })
})

/** A Postgres gate and a memory gate on the same clock. */
async function startBoth() {
  const { gate, setVersion }: InstalledGate = await database.createGate()
  await setVersion('org', 'key', 1)
  // So that the memory gate's sweep, too, goes by this clock.
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  const memory = memoryGate({ clock: { now: () => nowMs, monotonic: () => nowMs } })
  return {
    async passTime(ms: number) {
      nowMs += ms
      await setClock(database, nowMs)
    },
    async compare(method: 'admit' | 'peek', buckets: readonly Bucket[], what: string): Promise<GateAnswer> {
      const request: GateRequest = { owner: 'org', lineage: 'key', version: 1, nonce: undefined, buckets }
      const answer = await gate[method](request)
      expect(answer, `${what}: ${method} ${JSON.stringify(buckets)}`).toEqual(memory[method](request))
      return answer
    },
  }
}

type Random = () => number

/** Mulberry32. */
function randomFrom(seed: number): Random {
  let state = seed * 0x9e3779b9
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

function pick<T>(random: Random, list: readonly T[]): T {
  return list[Math.floor(random() * list.length)]!
}

function timeStep(random: Random): number {
  const dice = random()
  if (dice < 0.4) return 0
  if (dice < 0.7) return Math.floor(random() * 50)
  if (dice < 0.95) return Math.floor(random() * 2_000)
  return Math.floor(random() * 70_000)
}

const WINDOWS: readonly (readonly Window[])[] = [
  [{ limit: 5, windowSeconds: 1 }],
  [{ limit: 12, windowSeconds: 2 }],
  [{ limit: 3, windowSeconds: 7 }],
  [{ limit: 0, windowSeconds: 3 }],
  [{ limit: 4096, windowSeconds: 5 }],
  [{ limit: 5000, windowSeconds: 5 }],
  [
    { limit: 8, windowSeconds: 1 },
    { limit: 30, windowSeconds: 30 },
  ],
  [
    { limit: 6000, windowSeconds: 2 },
    { limit: 40, windowSeconds: 3 },
    { limit: 9000, windowSeconds: 60 },
  ],
]

function randomBuckets(random: Random): Bucket[] {
  const count = random() < 0.6 ? 1 : 1 + Math.floor(random() * 3)
  return Array.from({ length: count }, () => {
    return { id: pick(random, ['a', 'b', 'c']), windows: pick(random, WINDOWS), cost: cost(random) }
  })
}

function cost(random: Random): number {
  const dice = random()
  if (dice < 0.7) return 1
  return 1 + Math.floor(random() * (dice < 0.9 ? 4 : 3_000))
}
