import fc from 'fast-check'
import { type Gate, type KeyRecord, type KeyStore, memory, StoreUnavailableError } from 'keyward'
import { describe, expect, it } from 'vitest'
import { createTestClock } from '../../src/testing/test-clock.ts'
import { createTestKeyward } from '../../src/testing/test-keyward.ts'
import { forgetfulGate } from '../forgetful-gate.ts'
import { outcomeOf, visit } from '../visit.ts'

/** Two instances over one store and one gate, and the means to hold up a read. */
function fleet() {
  const clock = createTestClock()
  const kept = memory({ losesDataOnExit: true, clock })
  const gate = forgetfulGate(clock)
  const reads = { count: 0, held: undefined as Promise<void> | undefined }
  const store: KeyStore = {
    ...kept,
    async findByDigest(digests) {
      reads.count += 1
      const record = await kept.findByDigest(digests)
      await reads.held
      return record
    },
  }
  const [one, two] = [createTestKeyward({ store, gate }, clock), createTestKeyward({ store, gate }, clock)]
  return { clock, gate, reads, kept, one, two, createKey: one.createKey }
}

/** Holds back those who come while it is told to, until it is told to let them go. */
function heldBack() {
  let release = () => {}
  let held: Promise<void> | undefined
  return {
    wait: async () => held,
    hold() {
      held = new Promise((resolve) => {
        release = resolve
      })
    },
    holdNobodyElse() {
      held = undefined
    },
    release: () => release(),
  }
}

const tick = () => new Promise<void>((resolve) => setImmediate(resolve))

describe('a gate on a server', () => {
  it('costs the first sight of a key one read and a second call, and every later request one call', async () => {
    const { one, gate, reads, createKey } = fleet()
    const { apiKey } = await createKey()
    expect(await outcomeOf(one.keyward, apiKey)).toBe('admitted')
    expect([gate.calls, reads.count]).toEqual([2, 2])
    for (let request = 0; request < 10; request++) expect(await outcomeOf(one.keyward, apiKey)).toBe('admitted')
    expect([gate.calls, reads.count]).toEqual([12, 2])
  })

  it('that forgets everything costs a read, and refuses nobody who is good', async () => {
    const { one, two, gate, createKey } = fleet()
    const { apiKey } = await createKey()
    for (let loss = 0; loss < 5; loss++) {
      gate.forget()
      const requests = [one, two, one, two].map(({ keyward }) => outcomeOf(keyward, apiKey))
      expect(new Set(await Promise.all(requests))).toEqual(new Set(['admitted']))
    }
  })

  it.each(['revoke', 'disable', 'delete', 'purge'] as const)(
    'that forgets everything never undoes a %s',
    async (action) => {
      const { one, two, gate, createKey } = fleet()
      const { apiKey, id } = await createKey()
      for (const { keyward } of [one, two]) expect(await outcomeOf(keyward, apiKey)).toBe('admitted')
      await one.keyward.keys[action](id)
      gate.forget()
      for (const { keyward } of [two, one, two, one]) expect(await outcomeOf(keyward, apiKey)).toBe('invalid_api_key')
    },
  )

  it('that forgets a revocation while a request that read before it is on its way admits neither it nor anybody after it', async () => {
    const { one, two, gate, reads, createKey } = fleet()
    const { apiKey, id } = await createKey()
    expect(await outcomeOf(two.keyward, apiKey)).toBe('admitted')
    await one.keyward.ready()
    let release = () => {}
    reads.held = new Promise((resolve) => {
      release = resolve
    })
    gate.forget()
    const stalled = outcomeOf(one.keyward, apiKey)
    await tick()
    reads.held = undefined
    expect((await two.keyward.keys.revoke(id)).fenced).toBe(true)
    gate.forget()
    release()
    expect(await stalled).toBe('invalid_api_key')
    for (const { keyward } of [one, two]) expect(await outcomeOf(keyward, apiKey)).toBe('invalid_api_key')
  })

  it('is given a nonce only with a copy whose read began after it', async () => {
    const { one, gate, reads, createKey } = fleet()
    const { apiKey, id } = await createKey()
    await one.keyward.ready()
    let release = () => {}
    reads.held = new Promise((resolve) => {
      release = resolve
    })
    const slow = outcomeOf(one.keyward, apiKey)
    await tick()
    reads.held = undefined
    await one.keyward.keys.update(id, { scopes: ['read'] })
    gate.forget()
    release()
    expect(await slow).toBe('admitted')
    expect(await outcomeOf(one.keyward, apiKey, { scopes: ['read'] })).toBe('admitted')
  })

  it('that forgot everything is read for what a key has left as well', async () => {
    const clock = createTestClock()
    const gate = forgetfulGate(clock)
    const limits = { policies: { default: [{ limit: 5, windowSeconds: 60 }] } }
    const { keyward, createKey } = createTestKeyward({ gate, limits }, clock)
    const { apiKey, id } = await createKey()
    await outcomeOf(keyward, apiKey)
    gate.forget()
    expect((await keyward.limits.read(id)).map(({ remaining }) => remaining)).toEqual([4])
  })

  it('gives a nonce that is never presented with a read that was under way before it', async () => {
    const clock = createTestClock()
    const kept = memory({ losesDataOnExit: true, clock })
    const gate = forgetfulGate(clock)
    const [slowGate, slowRead] = [heldBack(), heldBack()]
    const store: KeyStore = {
      ...kept,
      async findByDigest(digests) {
        const record = await kept.findByDigest(digests)
        await slowRead.wait()
        return record
      },
    }
    const slowly: Gate = {
      versions: 'gate',
      peek: gate.peek,
      fence: gate.fence,
      async admit(request) {
        await slowGate.wait()
        return gate.admit(request)
      },
    }
    const { keyward, createKey } = createTestKeyward({ store, gate: slowly }, clock)
    const { apiKey, id } = await createKey()
    expect(await outcomeOf(keyward, apiKey)).toBe('admitted')
    // One request is held up on its way to the gate with a copy; another forgets the copy, and is held up reading.
    gate.forget()
    slowGate.hold()
    const toTheGate = outcomeOf(keyward, apiKey)
    slowGate.holdNobodyElse()
    slowRead.hold()
    const reading = outcomeOf(keyward, apiKey)
    for (let turn = 0; turn < 5; turn++) await tick()
    slowRead.holdNobodyElse()
    expect((await keyward.keys.revoke(id)).fenced).toBe(true)
    gate.forget()
    slowGate.release()
    for (let turn = 0; turn < 5; turn++) await tick()
    slowRead.release()
    expect(await Promise.all([toTheGate, reading])).toEqual(['invalid_api_key', 'invalid_api_key'])
    expect(await outcomeOf(keyward, apiKey)).toBe('invalid_api_key')
  })

  it('tells of what was enabled or granted elsewhere at once', async () => {
    const { one, two, createKey } = fleet()
    const { apiKey, id } = await createKey()
    const asked = () => Promise.all([one, two].map(({ keyward }) => outcomeOf(keyward, apiKey, { scopes: ['write'] })))
    expect(await asked()).toEqual(['insufficient_scope', 'insufficient_scope'])
    await one.keyward.keys.update(id, { scopes: ['write'] })
    expect(await asked()).toEqual(['admitted', 'admitted'])
    await two.keyward.keys.disable(id)
    expect(await asked()).toEqual(['invalid_api_key', 'invalid_api_key'])
    await one.keyward.keys.enable(id)
    expect(await asked()).toEqual(['admitted', 'admitted'])
  })

  it('and two instances give the same verdict as the store, whatever is changed, forgotten and held up', async () => {
    const steps = fc.array(
      fc.record({
        act: fc.constantFrom('ask', 'ask', 'ask', 'forget', 'disable', 'enable', 'narrow', 'grant', 'revoke', 'age'),
        by: fc.constantFrom(0, 1),
        awaited: fc.boolean(),
      }),
      { minLength: 5, maxLength: 40 },
    )
    await fc.assert(
      fc.asyncProperty(steps, async (script) => {
        const { one, two, gate, clock, createKey } = fleet()
        const { apiKey, id } = await createKey({ scopes: ['write'] })
        const truth = { isRevoked: false, isDisabled: false, isGranted: true }
        const pending: Promise<unknown>[] = []
        for (const { act, by, awaited } of script) {
          const { keyward } = by === 0 ? one : two
          if (act === 'forget') gate.forget()
          else if (act === 'age') {
            // A read under way would be a minute old at its end, which no deadline allows.
            await Promise.all(pending)
            clock.advance(61_000)
          } else if (act === 'ask') {
            const answer = outcomeOf(keyward, apiKey, { scopes: ['write'] })
            const { isRevoked, isDisabled, isGranted } = truth
            if (awaited) {
              const expected =
                isRevoked || isDisabled ? 'invalid_api_key' : isGranted ? 'admitted' : 'insufficient_scope'
              expect(await answer).toBe(expected)
            } else {
              // Overtaken by changes it may be judged before or after them, but a revocation before it holds.
              pending.push(answer.then((found) => isRevoked && expect(found).toBe('invalid_api_key')))
            }
          } else if (!truth.isRevoked) {
            if (act === 'revoke') await keyward.keys.revoke(id)
            if (act === 'disable') await keyward.keys.disable(id)
            if (act === 'enable') await keyward.keys.enable(id)
            if (act === 'narrow') await keyward.keys.update(id, { scopes: [] })
            if (act === 'grant') await keyward.keys.update(id, { scopes: ['write'] })
            truth.isRevoked ||= act === 'revoke'
            truth.isDisabled = act === 'disable' || (truth.isDisabled && act !== 'enable')
            truth.isGranted = act === 'grant' || (truth.isGranted && act !== 'narrow')
          }
        }
        await Promise.all(pending)
      }),
      { numRuns: process.env['KEYWARD_LONG'] ? 1_000 : 60 },
    )
  }, 120_000)
})

describe('a store that is behind the gate', () => {
  it('is read three times more, then the request is 503', async () => {
    const clock = createTestClock()
    const kept = memory({ losesDataOnExit: true, clock })
    const gate = forgetfulGate(clock)
    const reads = { count: 0, old: undefined as KeyRecord | undefined }
    const store: KeyStore = {
      ...kept,
      async findByDigest(digests) {
        reads.count += 1
        return reads.old ?? kept.findByDigest(digests)
      },
    }
    const { keyward, createKey, events } = createTestKeyward({ store, gate }, clock)
    const elsewhere = createTestKeyward({ store: kept, gate }, clock).keyward
    const { apiKey, id } = await createKey()
    await outcomeOf(keyward, apiKey)
    reads.old = await kept.findById(id)
    await elsewhere.keys.update(id, { name: 'newer' })
    reads.count = 0
    const before = gate.calls
    const decision = await visit(keyward, apiKey)
    expect(decision.denied && [decision.code, decision.status]).toEqual(['service_unavailable', 503])
    expect([reads.count, gate.calls - before]).toEqual([3, 4])
    expect(events.some(({ type }) => type === 'degraded')).toBe(true)
    reads.old = undefined
    expect(await outcomeOf(keyward, apiKey)).toBe('admitted')
  })
})

describe('a fence', () => {
  it('that the gate did not acknowledge is said so, and asking again says so until it did', async () => {
    const { one, gate, createKey } = fleet()
    const { id } = await createKey()
    gate.fenceFailure = new StoreUnavailableError('The gate is away.')
    expect((await one.keyward.keys.revoke(id)).fenced).toBe(false)
    expect((await one.keyward.keys.revoke(id)).fenced).toBe(false)
    expect((await one.keyward.keys.bulk('revoke', { ids: [id] }))[0]).toMatchObject({ ok: true, fenced: false })
    gate.fenceFailure = undefined
    expect((await one.keyward.keys.revoke(id)).fenced).toBe(true)
    expect(await one.keyward.keys.get(id)).toMatchObject({ state: 'revoked', version: 2 })
  })

  it.each(['alone', 'in bulk'])(
    'is in place after a second revoke, where the answer to the first was lost after its commit, %s',
    async (how) => {
      const clock = createTestClock()
      const kept = memory({ losesDataOnExit: true, clock })
      let isLost = false
      const store: KeyStore = {
        ...kept,
        async commit(changes) {
          const outcomes = await kept.commit(changes)
          if (isLost) throw new StoreUnavailableError('The connection was lost.')
          return outcomes
        },
      }
      const { keyward, createKey } = createTestKeyward({ store }, clock)
      const { apiKey, id } = await createKey()
      expect(await outcomeOf(keyward, apiKey)).toBe('admitted')
      isLost = true
      await expect(keyward.keys.revoke(id)).rejects.toMatchObject({ code: 'service_unavailable' })
      isLost = false
      if (how === 'alone') expect((await keyward.keys.revoke(id)).fenced).toBe(true)
      else expect((await keyward.keys.bulk('revoke', { ids: [id] }))[0]).toMatchObject({ ok: true, fenced: true })
      expect(await outcomeOf(keyward, apiKey)).toBe('invalid_api_key')
    },
  )
})

describe('a gate that', () => {
  const bent = (answer: () => unknown): Gate => ({
    versions: 'process',
    fence: () => {},
    admit: () => answer() as ReturnType<Gate['admit']>,
    peek: () => answer() as ReturnType<Gate['peek']>,
  })

  it.each([
    ['is away', () => Promise.reject(new StoreUnavailableError('away')), 503],
    ['fails', () => Promise.reject(new Error('ECONNREFUSED 10.0.0.1')), 500],
    ['throws', raise(new StoreUnavailableError('away')), 503],
    ['throws what is no error', raise('ECONNREFUSED'), 500],
    ['answers with nothing', () => undefined, 500],
    ['answers with an empty object', () => ({}), 503],
    ['answers with a word that is none', () => ({ outcome: 'admited', windows: [] }), 503],
    ['answers with true', () => true, 503],
    ['answers stale for ever', () => ({ outcome: 'stale' }), 503],
    ['answers unknown for ever', () => ({ outcome: 'unknown', nonce: 'n' }), 503],
  ])('%s lets nobody in', async (_how, answer, status) => {
    const { keyward, createKey } = createTestKeyward({ gate: bent(answer) })
    const { apiKey } = await createKey()
    const decision = await visit(keyward, apiKey)
    expect(decision.denied && decision.status).toBe(status)
    expect(JSON.stringify(decision)).not.toContain('ECONNREFUSED')
  })
})

function raise(thrown: unknown): () => never {
  return () => {
    throw thrown
  }
}
