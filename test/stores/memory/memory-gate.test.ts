import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Bucket, GateAnswer, WindowState } from '../../../src/model/gate.ts'
import type { Window } from '../../../src/model/policy.ts'
import { type MemoryGate, memoryGate } from '../../../src/stores/memory/memory-gate.ts'
import { gateContract } from '../../../src/testing/gate-contract.ts'
import { memoryGateHarness } from './memory-gate-harness.ts'

const TEN = [{ limit: 10, windowSeconds: 60 }]

setFlagsFromString('--expose-gc')
const collectGarbage: () => void = runInNewContext('gc')

describe('the memory gate', () => {
  beforeEach(() => {
    vi.useFakeTimers()
  })
  afterEach(() => {
    vi.useRealTimers()
  })

  it.each(gateContract.map((each) => [each.name, each] as const))('%s', async (_, { run }) => {
    await run(memoryGateHarness)
  })

  it('answers at once, without a promise, and never that it does not know', () => {
    const gate = memoryGate()
    expect(gate.versions).toBe('process')
    for (let i = 0; i < 12; i++) expect(['admitted', 'refused']).toContain(ask(gate, bucket('a')).outcome)
  })

  it('89: a wall clock that jumps forward an hour admits nothing more', () => {
    const time = { wallMs: 0, monotonicMs: 0 }
    const gate = gateOn(time)
    expect(admitTimes(gate, 12, bucket('a'))).toBe(10)
    time.wallMs += 3_600_000
    expect(admitTimes(gate, 12, bucket('a'))).toBe(0)
  })

  it('88: a wall clock that jumps back an hour opens no window, and locks nobody out', () => {
    const time = { wallMs: 7_200_000, monotonicMs: 0 }
    const gate = gateOn(time)
    expect(admitTimes(gate, 12, bucket('a'))).toBe(10)
    time.wallMs -= 3_600_000
    expect(admitTimes(gate, 12, bucket('a'))).toBe(0)
    time.monotonicMs += 60_000
    expect(admitTimes(gate, 12, bucket('a'))).toBe(10)
  })

  it('87: wall clocks that disagree by 30 seconds do not matter', () => {
    const time = { wallMs: 0, monotonicMs: 0 }
    const gate = gateOn(time)
    let admitted = 0
    for (let i = 0; i < 300; i++) {
      time.monotonicMs += 100
      time.wallMs = time.monotonicMs + [30_000, -30_000, 0][i % 3]!
      admitted += admitTimes(gate, 1, bucket('a'))
    }
    expect(admitted).toBe(10)
  })

  it('95: holds nothing two windows after a flood of 20,000 buckets, with any window', async () => {
    for (const windowSeconds of [1, 7, 60, 86_400]) {
      const gate = memoryGate()
      for (let i = 0; i < 20_000; i++) ask(gate, bucket(`a${i}`, [{ limit: 10, windowSeconds }]))
      expect(gate.size).toBe(20_000)
      await vi.advanceTimersByTimeAsync(windowSeconds * 2000)
      expect(gate.size, `${windowSeconds} s`).toBe(0)
      expect(vi.getTimerCount()).toBe(0)
    }
  })

  it('drops short logs in time beside long ones that came first', async () => {
    const gate = memoryGate()
    ask(gate, bucket('long', [{ limit: 10, windowSeconds: 86_400 }]))
    ask(gate, bucket('short', [{ limit: 10, windowSeconds: 1 }]))
    await vi.advanceTimersByTimeAsync(2000)
    expect(gate.size).toBe(1)
    await gate.close()
  })

  it('never drops a log that is in use, however often it sweeps', async () => {
    const gate = memoryGate()
    const daily = bucket('daily', [{ limit: 3, windowSeconds: 86_400 }])
    for (let i = 0; i < 3; i++) ask(gate, daily)
    for (let i = 0; i < 100; i++) {
      ask(gate, bucket(`other${i}`, [{ limit: 1, windowSeconds: 1 }]))
      await vi.advanceTimersByTimeAsync(60_000)
      expect(ask(gate, daily).outcome).toBe('refused')
    }
    await gate.close()
  })

  it('keeps up to its windows when memory changes hands between buckets', async () => {
    const gate = memoryGate()
    const windows = [{ limit: 50, windowSeconds: 3 }]
    for (let round = 0; round < 40; round++) {
      for (let i = 0; i < 100; i++) {
        const mine = bucket(`${round % 3}-${i}`, windows, 1 + (i % 50))
        const states = windowsOf(ask(gate, mine))
        expect(states[0]?.remaining).toBeLessThan(50)
      }
      await vi.advanceTimersByTimeAsync(round % 2 === 0 ? 500 : 2500)
    }
    await gate.close()
  })

  it('runs one timer, only while it holds something', async () => {
    const gate = memoryGate()
    ask(gate, bucket('a', TEN, 11))
    gate.peek({ owner: 'o', lineage: 'k', version: 1, nonce: undefined, buckets: [bucket('a')] })
    expect(vi.getTimerCount()).toBe(0)
    for (let i = 0; i < 100; i++) ask(gate, bucket(`a${i}`))
    expect(vi.getTimerCount()).toBe(1)
    await gate.close()
    expect(vi.getTimerCount()).toBe(0)
  })

  it('does not keep a process alive', async () => {
    vi.useRealTimers()
    const module = new URL('../../../src/stores/memory/memory-gate.ts', import.meta.url).href
    const script = `import { memoryGate } from '${module}'
      const windows = [{ limit: 1, windowSeconds: 86400 }]
      const gate = memoryGate()
      gate.fence('o', 'k', 1)
      console.log(gate.admit({ owner: 'o', lineage: 'k', version: 1, buckets: [{ id: 'a', windows, cost: 1 }] }).outcome)`
    const run = promisify(execFile)(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script], {
      timeout: 15_000,
    })
    expect((await run).stdout).toBe('admitted\n')
  })

  it('gives its memory back when a flood is over', async () => {
    const heldBytes = () => {
      // Twice: buffers that the first run found are freed beside it.
      collectGarbage()
      collectGarbage()
      return process.memoryUsage().arrayBuffers
    }
    const gate = memoryGate()
    const windows = [{ limit: 100, windowSeconds: 60 }]
    ask(gate, bucket('stays', [{ limit: 1, windowSeconds: 86_400 }]))
    const before = heldBytes()
    for (let i = 0; i < 30_000; i++) ask(gate, bucket(`a${i}`, windows))
    for (let i = 0; i < 30_000; i++) if (i % 100 > 0) ask(gate, bucket(`a${i}`, windows, 50))
    expect(heldBytes() - before).toBeGreaterThan(30_000 * 64 * 4 * 0.9)
    await vi.advanceTimersByTimeAsync(120_000)
    expect(gate.size).toBe(1)
    expect(heldBytes() - before).toBeLessThan(100_000)
    await gate.close()
  })

  it('works where a timer is a number', () => {
    vi.stubGlobal('setTimeout', () => 1)
    try {
      expect(ask(memoryGate(), bucket('a')).outcome).toBe('admitted')
    } finally {
      vi.unstubAllGlobals()
    }
  })

  it('forgets a fence after two minutes, not before', async () => {
    const gate = memoryGate()
    const isStale = () => ask(gate, bucket('a')).outcome === 'stale'
    gate.fence('o', 'other', 9)
    await vi.advanceTimersByTimeAsync(119_000)
    gate.fence('o', 'k', 2)
    for (let seconds = 0; seconds < 120; seconds += 5) {
      expect(isStale()).toBe(true)
      await vi.advanceTimersByTimeAsync(5_000)
    }
    await vi.advanceTimersByTimeAsync(300_000)
    expect(isStale()).toBe(false)
    await vi.advanceTimersByTimeAsync(300_000)
    expect(vi.getTimerCount()).toBe(0)
  })

  it('244: ids that look like numbers or members of objects are ids like any other', () => {
    const gate = memoryGate()
    const ids = [
      '__proto__',
      'constructor',
      '0',
      '1',
      '01',
      'toString',
      ...Array.from({ length: 1000 }, (_, i) => String(i * 7)),
    ]
    for (const id of new Set(ids)) expect(admitTimes(gate, 11, bucket(id))).toBe(10)
    for (const lineage of ['__proto__', 'constructor', '7']) {
      gate.fence('o', lineage, 2)
      expect(gate.admit({ owner: 'o', lineage, version: 1, nonce: undefined, buckets: [] }).outcome).toBe('stale')
    }
  })

  it('counts a bucket that one request names twice for both, and admits no more than the limit', () => {
    const gate = memoryGate()
    const twice = { owner: 'o', lineage: 'k', version: 1, nonce: undefined, buckets: [bucket('a'), bucket('a')] }
    expect(gate.admit(twice).outcome).toBe('admitted')
    expect(windowsOf(ask(gate, bucket('a')))[0]?.remaining).toBe(7)
    expect(admitTimes(gate, 6, bucket('a'))).toBe(6)
    expect(gate.admit(twice).outcome).toBe('refused')
    expect(windowsOf(ask(gate, bucket('a')))[0]?.remaining).toBe(0)
  })
})

function bucket(id: string, windows: readonly Window[] = TEN, cost = 1): Bucket {
  return { id, windows, cost }
}

function gateOn(time: { wallMs: number; monotonicMs: number }): MemoryGate {
  return memoryGate({ clock: { now: () => time.wallMs, monotonic: () => time.monotonicMs } })
}

function ask(gate: MemoryGate, asked: Bucket): GateAnswer {
  return gate.admit({ owner: 'o', lineage: 'k', version: 1, nonce: undefined, buckets: [asked] })
}

function windowsOf(answer: GateAnswer): readonly WindowState[] {
  return 'windows' in answer ? answer.windows : []
}

function admitTimes(gate: MemoryGate, times: number, asked: Bucket): number {
  let admitted = 0
  for (let i = 0; i < times; i++) if (ask(gate, asked).outcome === 'admitted') admitted += 1
  return admitted
}
