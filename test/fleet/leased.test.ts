import { createKeyward, type FleetOptions, type KeywardEvent, type KeywardOptions, memory, systemClock } from 'keyward'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { forgetfulGate } from '../forgetful-gate.ts'
import { outcomeOf } from '../visit.ts'
import { createWire } from './memory-channel.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms)

/** Instances on one store, one gate and one wire. */
async function fleet(fleetOptions: FleetOptions = { revocation: 'leased' }, options: Partial<KeywardOptions> = {}) {
  const store = memory({ losesDataOnExit: true })
  const gate = forgetfulGate(systemClock)
  const wire = createWire()
  const events: KeywardEvent[] = []
  const reads = { count: 0 }
  const counted = {
    ...store,
    findByDigest: (digests: readonly string[]) => {
      reads.count += 1
      return store.findByDigest(digests)
    },
  }
  const instance = async () => {
    const keyward = createKeyward({
      store: counted,
      gate,
      fleet: { channel: wire.channel(), ...fleetOptions },
      onEvent: (event) => void events.push(event),
      ...options,
    })
    const ready = keyward.ready()
    await pass(300)
    await ready
    return keyward
  }
  const [one, two] = [await instance(), await instance()]
  await pass(300)
  const ask = async (keyward: typeof one, apiKey: string) => {
    const answer = outcomeOf(keyward, apiKey)
    await pass(5)
    return answer
  }
  const close = async () => {
    const closing = Promise.all([one.close(), two.close()])
    await pass(1_000)
    await closing
  }
  return { one, two, gate, wire, events, reads, ask, close, store }
}

describe('leased revocation', () => {
  it('asks no gate on a route without limits', async () => {
    const { one, two, gate, ask, close } = await fleet()
    const { apiKey } = await one.keys.create({ owner: 'acme', name: 'a' })
    const before = gate.calls
    for (const keyward of [one, two, one, two]) expect(await ask(keyward, apiKey)).toBe('admitted')
    expect(gate.calls).toBe(before)
    await close()
  })

  it('asks the gate where there is something to count', async () => {
    const limits = { policies: { default: [{ limit: 2, windowSeconds: 60 }] } }
    const { one, two, ask, close } = await fleet({ revocation: 'leased' }, { limits })
    const { apiKey } = await one.keys.create({ owner: 'acme', name: 'a' })
    const outcomes = [await ask(one, apiKey), await ask(two, apiKey), await ask(one, apiKey), await ask(two, apiKey)]
    expect(outcomes).toEqual(['admitted', 'admitted', 'rate_limit_exceeded', 'rate_limit_exceeded'])
    await close()
  })

  it.each(['revoke', 'disable', 'delete', 'purge'] as const)('reaches the other instance with %s', async (act) => {
    const { one, two, ask, close } = await fleet()
    const { apiKey, id } = await one.keys.create({ owner: 'acme', name: 'a' })
    for (const keyward of [one, two]) expect(await ask(keyward, apiKey)).toBe('admitted')
    const acted = one.keys[act](id)
    await pass(5)
    expect((await acted).fenced).toBe(true)
    for (const keyward of [one, two]) expect(await ask(keyward, apiKey)).toBe('invalid_api_key')
    await close()
  })

  it('reaches an instance whose channel is a black hole within a second, by the gate', async () => {
    const { one, two, gate, wire, ask, close } = await fleet()
    const { apiKey, id } = await one.keys.create({ owner: 'acme', name: 'a' })
    expect(await ask(two, apiKey)).toBe('admitted')
    wire.swallow()
    const revoked = one.keys.revoke(id)
    await pass(5)
    await revoked
    await pass(1_000)
    const before = gate.calls
    expect(await ask(two, apiKey)).toBe('invalid_api_key')
    expect(gate.calls).toBeGreaterThan(before)
    await close()
  })

  it('counts a lease from the sending of a heartbeat, so that one that is heard late lengthens nothing', async () => {
    const { one, two, wire, gate, ask, close } = await fleet()
    const { apiKey } = await one.keys.create({ owner: 'acme', name: 'a' })
    wire.delayMs = 1_200
    await pass(3_000)
    const before = gate.calls
    expect(await ask(two, apiKey)).toBe('admitted')
    expect(gate.calls, 'heartbeats arrive, but each is older than a lease').toBeGreaterThan(before)
    await close()
  })

  it('drops every copy when a new connection listens, and what a read in flight brings', async () => {
    const { one, two, wire, reads, ask, close } = await fleet()
    const { apiKey } = await one.keys.create({ owner: 'acme', name: 'a' })
    expect(await ask(two, apiKey)).toBe('admitted')
    const before = reads.count
    wire.mend(true)
    await pass(300)
    expect(await ask(two, apiKey)).toBe('admitted')
    expect(reads.count).toBe(before + 1)
    await close()
  })

  it('says of a change that the channel did not take that it is not in place, and brings it when it can', async () => {
    const { one, wire, store, close } = await fleet()
    const { id } = await one.keys.create({ owner: 'acme', name: 'a' })
    wire.refuse()
    const revoked = one.keys.revoke(id)
    await pass(5)
    expect((await revoked).fenced).toBe(false)
    expect(await store.listFences(10)).toHaveLength(1)
    wire.mend()
    await pass(700)
    expect(await store.listFences(10)).toEqual([])
    expect(wire.said.filter((message) => message.startsWith('key')).length).toBeGreaterThan(0)
    await close()
  })

  it('opens a channel again that was not heard for three seconds, and tells of it once each way', async () => {
    const { wire, events, close } = await fleet()
    const before = wire.openings
    wire.swallow()
    await pass(3_500)
    expect(wire.openings).toBeGreaterThan(before)
    wire.mend()
    await pass(3_000)
    const told = events.flatMap((event) => ('part' in event && event.part === 'channel' ? [event.type] : []))
    expect(told).toEqual(['degraded', 'degraded', 'recovered', 'recovered'])
    await close()
  })

  it('remembers unknown keys, and forgets them when one is imported elsewhere', async () => {
    const { one, two, reads, ask, close } = await fleet()
    const apiKey = one.profile.keyFormat.make()
    expect(await ask(two, apiKey)).toBe('invalid_api_key')
    const before = reads.count
    expect(await ask(two, apiKey)).toBe('invalid_api_key')
    expect(reads.count).toBe(before)
    const digest = Buffer.from(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(apiKey))).toString('hex')
    const imported = one.keys.import({ owner: 'acme', name: 'a', digest })
    await pass(5)
    await imported
    expect(await ask(two, apiKey)).toBe('admitted')
    await close()
  })
})

describe('a channel in strict mode', () => {
  it('brings an edited policy at once', async () => {
    const limits = { policies: { default: [{ limit: 1, windowSeconds: 60 }] } }
    const { one, two, ask, close } = await fleet({}, { limits })
    const { apiKey } = await one.keys.create({ owner: 'acme', name: 'a' })
    expect([await ask(two, apiKey), await ask(two, apiKey)]).toEqual(['admitted', 'rate_limit_exceeded'])
    const set = one.limits.setPolicy('default', [{ limit: 2, windowSeconds: 60 }])
    await pass(5)
    await set
    expect(await ask(two, apiKey)).toBe('admitted')
    await close()
  })

  it('saves the second question after a change', async () => {
    const { one, two, gate, ask, close } = await fleet({})
    const { apiKey, id } = await one.keys.create({ owner: 'acme', name: 'a' })
    expect(await ask(two, apiKey)).toBe('admitted')
    const changed = one.keys.update(id, { name: 'b' })
    await pass(5)
    await changed
    const before = gate.calls
    expect(await ask(two, apiKey)).toBe('admitted')
    expect(gate.calls).toBe(before + 1)
    await close()
  })
})
