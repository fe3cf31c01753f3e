import { createHash } from 'node:crypto'
import { type KeyRecord, type KeyStore, memory } from 'keyward'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { createTestClock, type TestClock } from '../../src/testing/test-clock.ts'
import { createTestKeyward } from '../../src/testing/test-keyward.ts'
import { lastReason, outcomeOf, visit } from '../visit.ts'

/** A keyward over a store whose reads by digest a test can watch and bend. */
function withReads(
  bend: (read: () => Promise<KeyRecord | undefined>, number: number) => Promise<unknown> = (read) => read(),
  options: Parameters<typeof createTestKeyward>[0] = {},
) {
  const clock = createTestClock()
  const kept = memory({ losesDataOnExit: true, clock })
  const reads = { count: 0 }
  const store: KeyStore = {
    ...kept,
    findByDigest(digests) {
      reads.count += 1
      return bend(() => kept.findByDigest(digests), reads.count) as Promise<KeyRecord | undefined>
    },
  }
  return { ...createTestKeyward({ ...options, store }, clock), reads, kept }
}

/** A promise, and the means to fulfil it. */
function gatekeeper() {
  let open = () => {}
  const opened = new Promise<void>((resolve) => {
    open = resolve
  })
  return { open, opened }
}

const tick = () => new Promise<void>((resolve) => setImmediate(resolve))

afterEach(() => void vi.useRealTimers())

describe('copies of records', () => {
  it.each([
    ['without a client address', {}],
    ['with a budget of failed attempts for the client', { clientAddress: 'peer' as const }],
  ])('75: 1,000 requests at once for a key that has none are one read, and all pass, %s', async (_how, options) => {
    const { keyward, createKey, reads } = withReads(async (read) => {
      const record = await read()
      await tick()
      return record
    }, options)
    const { apiKey } = await createKey()
    await keyward.ready()
    const requests = Array.from({ length: 1_000 }, () => outcomeOf(keyward, apiKey, { peer: '192.0.2.1' }))
    expect(new Set(await Promise.all(requests))).toEqual(new Set(['admitted']))
    expect(reads.count).toBe(1)
  })

  it('75: if that read fails, all 1,000 are 503, and the next request reads again', async () => {
    const { keyward, createKey, reads } = withReads(async (read, number) => {
      await tick()
      if (number === 1) throw new Error('SELECT … FROM secrets')
      return read()
    })
    const { apiKey } = await createKey()
    await keyward.ready()
    const requests = Array.from({ length: 1_000 }, () => outcomeOf(keyward, apiKey))
    expect(new Set(await Promise.all(requests))).toEqual(new Set(['service_unavailable']))
    expect(reads.count).toBe(1)
    expect(await outcomeOf(keyward, apiKey)).toBe('admitted')
  })

  it('are read again when they are 60 s old, counted from the start of their read', async () => {
    const { keyward, clock, createKey, reads } = withReads(async (read) => {
      const record = await read()
      clock.advance(400)
      return record
    })
    const { apiKey } = await createKey()
    await outcomeOf(keyward, apiKey)
    clock.advance(59_600)
    expect(await outcomeOf(keyward, apiKey)).toBe('admitted')
    expect(reads.count).toBe(1)
    clock.advance(1)
    expect(await outcomeOf(keyward, apiKey)).toBe('admitted')
    expect(reads.count).toBe(2)
  })

  it('are neither kept nor used when they are too old at the end of their read', async () => {
    const { keyward, clock, createKey } = withReads(async (read, number) => {
      const record = await read()
      if (number === 1) clock.advance(60_001)
      return record
    })
    const { apiKey } = await createKey()
    expect(await outcomeOf(keyward, apiKey)).toBe('service_unavailable')
    expect(await outcomeOf(keyward, apiKey)).toBe('admitted')
  })

  it.each(['revoke', 'disable', 'delete', 'purge'] as const)(
    '56: that were read before a %s and arrive after it let nobody in',
    async (action) => {
      const { open, opened } = gatekeeper()
      const { keyward, createKey, reads } = withReads(async (read, number) => {
        const record = await read()
        if (number === 1) await opened
        return record
      })
      const { apiKey, id } = await createKey()
      await keyward.ready()
      const early = outcomeOf(keyward, apiKey)
      await tick()
      await keyward.keys[action](id)
      open()
      expect(await early).toBe('invalid_api_key')
      expect(await outcomeOf(keyward, apiKey)).toBe('invalid_api_key')
      expect(reads.count).toBeGreaterThanOrEqual(2)
    },
  )

  it('56: that were read before a scope was removed and arrive after it grant nothing', async () => {
    const { open, opened } = gatekeeper()
    const { keyward, createKey } = withReads(async (read, number) => {
      const record = await read()
      if (number === 1) await opened
      return record
    })
    const { apiKey, id } = await createKey({ scopes: ['write'] })
    await keyward.ready()
    const early = outcomeOf(keyward, apiKey, { scopes: ['write'] })
    await tick()
    await keyward.keys.update(id, { scopes: [] })
    open()
    expect(await early).toBe('insufficient_scope')
  })

  it('that were read before another process changed the store, and arrive after that was noticed, are read again', async () => {
    const { open, opened } = gatekeeper()
    const clock = createTestClock()
    const kept = memory({ losesDataOnExit: true, clock })
    let isChanged = false
    let isHeld = false
    const store: KeyStore = {
      ...kept,
      async findByDigest(digests) {
        const record = await kept.findByDigest(digests)
        if (isHeld) await opened
        return record
      },
      changedElsewhere() {
        const answer = isChanged
        isChanged = false
        return answer
      },
    }
    const { keyward, createKey } = createTestKeyward({ store }, clock)
    const [{ apiKey, id }, other] = [await createKey(), await createKey()]
    const elsewhere = createTestKeyward({ store: kept }, clock)
    await keyward.ready()
    isHeld = true
    const early = outcomeOf(keyward, apiKey)
    await tick()
    isHeld = false
    await elsewhere.keyward.keys.revoke(id)
    isChanged = true
    clock.advance(5)
    expect(await outcomeOf(keyward, other.apiKey)).toBe('admitted')
    expect(await outcomeOf(keyward, apiKey)).toBe('invalid_api_key')
    open()
    expect(await early).toBe('invalid_api_key')
    expect(await outcomeOf(keyward, apiKey)).toBe('invalid_api_key')
  })

  it('are all dropped when another process has changed the store, which is asked every 5 ms', async () => {
    const clock = createTestClock()
    const kept = memory({ losesDataOnExit: true, clock })
    const asked: number[] = []
    const state = { version: 0, seen: 0 }
    const store: KeyStore = {
      ...kept,
      changedElsewhere() {
        asked.push(clock.monotonic())
        const isNew = state.version !== state.seen
        state.seen = state.version
        return isNew
      },
    }
    const { keyward, createKey } = createTestKeyward({ store }, clock)
    const { apiKey, id } = await createKey()
    const elsewhere = createTestKeyward({ store: kept }, clock)
    for (let request = 0; request < 20; request++) {
      expect(await outcomeOf(keyward, apiKey)).toBe('admitted')
      clock.advance(1)
    }
    expect(asked).toEqual([0, 5, 10, 15])
    const other = await createKey()
    expect(await outcomeOf(keyward, other.apiKey)).toBe('admitted')
    await elsewhere.keyward.keys.revoke(id)
    state.version += 1
    clock.advance(5)
    expect(await outcomeOf(keyward, other.apiKey)).toBe('admitted')
    expect(await outcomeOf(keyward, apiKey)).toBe('invalid_api_key')
  })

  it('77: 100 of them give 10,000 keys the same verdicts as room for all', async () => {
    const total = 10_000
    const kits = [
      createTestKeyward({ keys: { copies: { maxCopies: 100 } } }),
      createTestKeyward({ keys: { copies: { maxCopies: total } } }),
    ]
    const verdicts = await Promise.all(
      kits.map(async ({ keyward, createKey }) => {
        const keys = await Promise.all(Array.from({ length: total }, () => createKey({ scopes: ['read'] })))
        const change = async (index: number, id: string) => {
          if (index % 5 === 1) await keyward.keys.revoke(id)
          if (index % 5 === 2) await keyward.keys.disable(id)
          if (index % 5 === 3) await keyward.keys.update(id, { scopes: [] })
        }
        const found: string[] = []
        for (const { apiKey } of keys) found.push(await outcomeOf(keyward, apiKey, { scopes: ['read'] }))
        await Promise.all(keys.map(({ id }, index) => change(index, id)))
        for (const { apiKey } of keys) found.push(await outcomeOf(keyward, apiKey, { scopes: ['read'] }))
        return found
      }),
    )
    expect(verdicts[0]).toEqual(verdicts[1])
    const count = (verdict: string) => verdicts[0]?.slice(total).filter((found) => found === verdict).length
    expect([count('admitted'), count('invalid_api_key'), count('insufficient_scope')]).toEqual([
      (total * 2) / 5,
      (total * 2) / 5,
      total / 5,
    ])
  })
})

describe('what the store lately did not know', () => {
  const { profile } = createTestKeyward().keyward

  it('is not asked for again for 5 seconds', async () => {
    const { keyward, clock, reads, events } = withReads()
    const apiKey = profile.keyFormat.make()
    for (let request = 0; request < 5; request++) await outcomeOf(keyward, apiKey)
    expect(reads.count).toBe(1)
    clock.advance(5_001)
    expect(await outcomeOf(keyward, apiKey)).toBe('invalid_api_key')
    expect(lastReason(events)).toBe('key_unknown')
    expect(reads.count).toBe(2)
  })

  it('232: is bounded, and an unknown key that fell out is looked up again', async () => {
    const { keyward, reads } = withReads(undefined, { keys: { copies: { maxUnknown: 10 } } })
    const unknown = Array.from({ length: 50 }, () => profile.keyFormat.make())
    for (const apiKey of unknown) await outcomeOf(keyward, apiKey)
    for (const apiKey of unknown.slice(-10)) await outcomeOf(keyward, apiKey)
    expect(reads.count).toBe(50)
    await outcomeOf(keyward, unknown[0] ?? '')
    expect(reads.count).toBe(51)
  })

  it('72: is forgotten when it is imported', async () => {
    const { keyward } = withReads()
    const apiKey = profile.keyFormat.make()
    expect(await outcomeOf(keyward, apiKey)).toBe('invalid_api_key')
    await keyward.keys.import({ owner: 'a', name: 'old', digest: sha256Hex(apiKey) })
    expect(await outcomeOf(keyward, apiKey)).toBe('admitted')
  })

  it.each(['before', 'after'])(
    '72: is not remembered by a read that began before its import, nor waited for, where the next request comes %s it ends',
    async (when) => {
      const { open, opened } = gatekeeper()
      const { keyward } = withReads(async (read, number) => {
        const record = await read()
        if (number === 1) await opened
        return record
      })
      await keyward.ready()
      const apiKey = profile.keyFormat.make()
      const early = outcomeOf(keyward, apiKey)
      await tick()
      await keyward.keys.import({ owner: 'a', name: 'old', digest: sha256Hex(apiKey) })
      const late = when === 'before' ? outcomeOf(keyward, apiKey) : undefined
      open()
      await early
      expect(await (late ?? outcomeOf(keyward, apiKey))).toBe('admitted')
      expect(await outcomeOf(keyward, apiKey)).toBe('admitted')
    },
  )

  it('does not keep a key from being read while others are imported without a pause', async () => {
    const { keyward, createKey } = withReads(async (read) => {
      const record = await read()
      for (let turn = 0; turn < 3; turn++) await tick()
      return record
    })
    const { apiKey } = await createKey()
    await keyward.ready()
    let isOver = false
    const importing = (async () => {
      for (let count = 0; !isOver && count < 2_000; count++) {
        await keyward.keys.import({ owner: 'a', name: 'old', digest: sha256Hex(`key ${count}`) })
        await tick()
      }
      return isOver
    })()
    expect(await outcomeOf(keyward, apiKey)).toBe('admitted')
    isOver = true
    expect(await importing).toBe(true)
  })
})

describe('a store that', () => {
  const nonsense: readonly [string, (record: KeyRecord, other: KeyRecord) => unknown][] = [
    ['nothing but an empty object', () => ({})],
    ['null', () => null],
    ['a text', () => 'admitted'],
    ['true', () => true],
    ['a list of records', (record) => [record]],
    ['the record of another key', (_record, other) => other],
    ['a digest in another case', (record) => ({ ...record, digest: record.digest.toLowerCase() })],
    ['an instant that is none', (record) => ({ ...record, expiresAt: new Date(Number.NaN) })],
    ['an instant as text', (record) => ({ ...record, expiresAt: '2020-01-01' })],
    ['scopes as text', (record) => ({ ...record, scopes: 'read write' })],
    ['a version of 0', (record) => ({ ...record, version: 0 })],
    ['a version that is none', (record) => ({ ...record, version: Number.NaN })],
    ...(['revokedAt', 'deletedAt', 'disabledAt', 'startsAt', 'expiresAt', 'lastUsedAt'] as const).map(
      (field): [string, (record: KeyRecord) => unknown] => [
        `a record without ${field}`,
        ({ [field]: _left, ...rest }) => rest,
      ],
    ),
    ...(['scopes', 'policies', 'audiences', 'addresses', 'owner', 'lineage', 'version', 'metadata'] as const).map(
      (field): [string, (record: KeyRecord) => unknown] => [
        `a record without ${field}`,
        ({ [field]: _left, ...rest }) => rest,
      ],
    ),
  ]

  it.each(nonsense)('returns %s is 503, and lets nobody in', async (_what, bend) => {
    let other: KeyRecord | undefined
    const { keyward, createKey, kept } = withReads(async (read) => {
      const record = await read()
      return record === undefined || other === undefined ? record : bend(record, other)
    })
    const { apiKey } = await createKey({ scopes: ['read'] })
    other = await kept.findById((await createKey()).id)
    const denial = await visit(keyward, apiKey)
    expect(denial.denied && [denial.code, denial.status]).toEqual(['service_unavailable', 503])
  })

  it.each([
    ['rejects', () => Promise.reject(new Error('password=hunter2'))],
    [
      'throws',
      () => {
        throw new TypeError('SELECT 1')
      },
    ],
  ])('%s is 503 with Retry-After, and tells the client nothing of it (187)', async (_how, bend) => {
    const { keyward, createKey, events } = withReads(bend)
    const denial = await visit(keyward, (await createKey()).apiKey)
    expect(denial.denied && [denial.code, denial.status]).toEqual(['service_unavailable', 503])
    expect(JSON.stringify(denial)).not.toMatch(/hunter2|SELECT/)
    expect(denial.headers.some(([name]) => name === 'Retry-After')).toBe(true)
    expect(events.filter(({ type }) => type === 'degraded')).toHaveLength(1)
  })

  it('hangs is 503 after a second, whatever it answers later; and keys with a copy go on', async () => {
    const { open, opened } = gatekeeper()
    const { keyward, createKey } = withReads(async (read, number) => {
      if (number === 2) await opened
      return read()
    })
    const copied = await createKey()
    const hanging = await createKey()
    expect(await outcomeOf(keyward, copied.apiKey)).toBe('admitted')
    vi.useFakeTimers()
    const answer = outcomeOf(keyward, hanging.apiKey)
    await vi.advanceTimersByTimeAsync(999)
    expect(await Promise.race([answer, Promise.resolve('open')])).toBe('open')
    expect(await outcomeOf(keyward, copied.apiKey)).toBe('admitted')
    await vi.advanceTimersByTimeAsync(1)
    expect(await answer).toBe('service_unavailable')
    vi.useRealTimers()
    await keyward.keys.revoke(hanging.id)
    open()
    await tick()
    expect(await outcomeOf(keyward, hanging.apiKey)).toBe('invalid_api_key')
  })

  it('is away and comes back is told of once each', async () => {
    let isAway = true
    const { keyward, createKey, events, clock } = withReads(async (read) => {
      if (isAway) throw new Error('away')
      return read()
    })
    const { apiKey } = await createKey()
    for (let request = 0; request < 3; request++) await outcomeOf(keyward, apiKey)
    isAway = false
    clock.advance(1_000)
    for (let request = 0; request < 3; request++) await outcomeOf(keyward, apiKey)
    const told = events.map(({ type }) => type).filter((type) => type === 'degraded' || type === 'recovered')
    expect(told).toEqual(['degraded', 'recovered'])
  })
})

describe('a key that is changed', () => {
  const clockAnd = (kit: { clock: TestClock }) => kit.clock

  it('is never refused for an old copy’s sake once it was enabled, granted or prolonged (rule 14)', async () => {
    const kit = createTestKeyward()
    const { keyward, createKey } = kit
    const clock = clockAnd(kit)
    const expiring = await createKey({ scopes: ['read'], expiresAt: new Date(clock.now() + 1_000) })
    const { id, apiKey } = expiring
    expect(await outcomeOf(keyward, apiKey, { scopes: ['write'] })).toBe('insufficient_scope')
    await keyward.keys.update(id, { scopes: ['read', 'write'] })
    expect(await outcomeOf(keyward, apiKey, { scopes: ['write'] })).toBe('admitted')
    await keyward.keys.disable(id)
    expect(await outcomeOf(keyward, apiKey)).toBe('invalid_api_key')
    await keyward.keys.enable(id)
    expect(await outcomeOf(keyward, apiKey)).toBe('admitted')
    clock.advance(1_000)
    expect(await outcomeOf(keyward, apiKey)).toBe('invalid_api_key')
    await keyward.keys.update(id, { expiresAt: null, startsAt: new Date(clock.now() + 1_000) })
    expect(await outcomeOf(keyward, apiKey)).toBe('invalid_api_key')
    await keyward.keys.update(id, { startsAt: null })
    expect(await outcomeOf(keyward, apiKey)).toBe('admitted')
    await keyward.keys.update(id, { addresses: ['192.0.2.1'] })
    expect(await outcomeOf(keyward, apiKey)).toBe('address_not_allowed')
    await keyward.keys.update(id, { addresses: [] })
    expect(await outcomeOf(keyward, apiKey)).toBe('admitted')
    await keyward.keys.update(id, { audiences: ['eu'] })
    expect(await outcomeOf(keyward, apiKey)).toBe('invalid_api_key')
    await keyward.keys.update(id, { audiences: [] })
    expect(await outcomeOf(keyward, apiKey)).toBe('admitted')
  })

  it('is good again at once when a policy that is not there any more is taken from it', async () => {
    const clock = createTestClock()
    const store = memory({ losesDataOnExit: true, clock })
    const before = createTestKeyward({ store, limits: { policies: { old: [{ limit: 5, windowSeconds: 60 }] } } }, clock)
    const { apiKey, id } = await before.createKey({ policies: ['old'] })
    const { keyward, events } = createTestKeyward({ store }, clock)
    expect(await outcomeOf(keyward, apiKey)).toBe('service_unavailable')
    expect(lastReason(events)).toBe('policy_missing')
    await keyward.keys.update(id, { policies: [] })
    expect(await outcomeOf(keyward, apiKey)).toBe('admitted')
  })
})

function sha256Hex(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}
