import { describe, expect, it } from 'vitest'
import { ServerClock } from '../../../src/stores/sql/server-clock.ts'
import { createTestClock } from '../../../src/testing/test-clock.ts'

const wrong = Date.UTC(1999, 0, 1)
const right = Date.UTC(2026, 0, 1)

describe('the clock of a database server', () => {
  it('is the machine’s until the server has told, and monotonic always', () => {
    const machine = createTestClock(wrong)
    const clock = new ServerClock(machine)
    machine.advance(5)
    expect(clock.now()).toBe(wrong + 5)
    expect(clock.monotonic()).toBe(5)
  })

  it('goes on from what the server said, taken for the middle of the round trip, whatever the machine’s clock does (62)', () => {
    const machine = createTestClock(wrong)
    const clock = new ServerClock(machine)
    machine.advance(100)
    clock.observe(right, 0, 100)
    expect(clock.now()).toBe(right + 50)
    machine.advance(1_000)
    machine.set(0)
    expect(clock.now()).toBe(right + 1_050)
    expect(clock.monotonic()).toBe(1_100)
  })

  it('follows a server that is set right, and tells whole milliseconds', () => {
    const machine = createTestClock(wrong)
    const clock = new ServerClock(machine)
    clock.observe(right, 0, 1)
    clock.observe(right - 3_600_000, 0, 0)
    expect(clock.now()).toBe(right - 3_600_000)
    clock.observe(right, 0, 0.3)
    expect(clock.now()).toBe(right - 1)
  })

  it('believes a round trip of more than 250 ms only when it knows nothing better', () => {
    const clock = new ServerClock(createTestClock(wrong))
    clock.observe(right, 0, 600)
    expect(clock.now()).toBe(right - 300)
    clock.observe(right, -250, 0)
    expect(clock.now()).toBe(right + 125)
    clock.observe(right + 9_000, -251, 0)
    clock.observe(Number.NaN, 0, 0)
    expect(clock.now()).toBe(right + 125)
  })
})
