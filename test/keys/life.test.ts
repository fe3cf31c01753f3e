import { createHash } from 'node:crypto'
import { type Actor, InvalidInputError, type KeyStore, type KeywardOptions, type NewKey } from 'keyward'
import { afterEach, describe, expect, it } from 'vitest'
import { createTestClock } from '../../src/testing/test-clock.ts'
import { createTestKeyward } from '../../src/testing/test-keyward.ts'
import { chainOf, firstBrokenLink } from '../audit-chain.ts'
import { storeKinds } from '../store-kinds.ts'
import { outcomeOf } from '../visit.ts'

const policies = { default: [{ limit: 1_000, windowSeconds: 60 }], gold: [{ limit: 9, windowSeconds: 1 }] }
const unknownId = `key_${'0'.repeat(26)}`

describe.each(storeKinds)('the life of a key, on %s', (_kind, createStore) => {
  const open: { close(): Promise<void> }[] = []
  afterEach(async () => {
    for (const { close } of open.splice(0)) await close()
  })

  function kit(options: Partial<KeywardOptions> = {}) {
    const clock = createTestClock()
    const store: KeyStore = createStore(clock)
    const made = createTestKeyward({ store, limits: { policies }, ...options }, clock)
    open.push(made.keyward)
    return { ...made, store, keys: made.keyward.keys, ask: (apiKey: string) => outcomeOf(made.keyward, apiKey) }
  }

  const actionsOf = async (store: KeyStore, owner = 'test') => (await chainOf(store, owner)).map(({ action }) => action)

  it('begins with an API key that is shown once', async () => {
    const { keys, ask, clock, createKey, keyward } = kit()
    const expiresAt = new Date(clock.now() + 1_000)
    const created = await createKey({ scopes: ['a', 'b', 'a'], metadata: { deep: { er: [1, null] } }, expiresAt })
    expect(created).toEqual({
      id: expect.stringMatching(/^key_[0-9A-HJKMNP-TV-Z]{26}$/),
      lineage: created.id,
      owner: 'test',
      createdBy: null,
      name: 'test',
      start: created.apiKey.slice(0, 12),
      scopes: ['a', 'b'],
      policies: ['default'],
      audiences: [],
      addresses: [],
      metadata: { deep: { er: [1, null] } },
      createdAt: new Date(clock.now()),
      updatedAt: new Date(clock.now()),
      startsAt: null,
      expiresAt,
      disabledAt: null,
      revokedAt: null,
      deletedAt: null,
      lastUsedAt: null,
      rotatedFrom: null,
      rotatedTo: null,
      version: 1,
      state: 'active',
      apiKey: created.apiKey,
    })
    expect(keyward.profile.keyFormat.recognises(created.apiKey)).toBe(true)
    const { apiKey, ...shown } = created
    expect(await keys.get(created.id)).toEqual(shown)
    expect((await keys.list()).items).toEqual([shown])
    expect(await ask(apiKey)).toBe('admitted')
  })

  it.each([
    ['hex', 'hex'],
    ['upper-case hex', 'HEX'],
    ['base64', 'base64'],
    ['base64url', 'base64url'],
    ['base64url with its padding', 'base64url='],
  ])('begins with a digest from elsewhere, as %s, and the key is good at once', async (_name, encoding) => {
    const { keys, ask, keyward } = kit()
    const apiKey = keyward.profile.keyFormat.make()
    expect(await ask(apiKey)).toBe('invalid_api_key')
    const hash = createHash('sha256').update(apiKey)
    const digest =
      encoding === 'HEX'
        ? hash.digest('hex').toUpperCase()
        : encoding === 'base64url='
          ? `${hash.digest('base64url')}=`
          : hash.digest(encoding as 'hex' | 'base64' | 'base64url')
    const imported = await keys.import({ owner: 'test', name: 'old', digest })
    expect(imported).toMatchObject({ start: null, version: 1, state: 'active' })
    expect(await ask(apiKey)).toBe('admitted')
    await expect(keys.import({ owner: 'test', name: 'again', digest })).rejects.toMatchObject({ code: 'conflict' })
    expect((await keys.list()).items).toHaveLength(1)
  })

  it('changes by updates, field by field, and only where something is different', async () => {
    const { keys, store, createKey, clock, events } = kit()
    const { id } = await createKey({ scopes: ['a'] })
    clock.advance(1_000)
    expect(await keys.update(id, { name: 'renamed', metadata: { a: 1 } })).toMatchObject({
      name: 'renamed',
      metadata: { a: 1 },
      scopes: ['a'],
      version: 2,
      updatedAt: new Date(clock.now()),
      fenced: true,
    })
    clock.advance(1_000)
    expect(await keys.update(id, { name: 'renamed', scopes: undefined })).toMatchObject({ version: 2, fenced: true })
    expect(await keys.update(id, {})).toMatchObject({ version: 2 })
    expect(await keys.update(id, { policies: ['gold'] })).toMatchObject({ version: 3, policies: ['gold'] })
    expect(await actionsOf(store)).toEqual(['key.created', 'key.updated', 'key.updated'])
    expect(events.filter(({ type }) => type === 'changed')).toHaveLength(3)
  })

  it('65: rotates with grace: both are good, then only the new one', async () => {
    const { keys, ask, clock, createKey } = kit()
    const { id, apiKey, lineage } = await createKey({ scopes: ['a'], metadata: { a: 1 } })
    const next = await keys.rotate(id, { graceSeconds: 2 })
    expect(next).toMatchObject({
      lineage,
      rotatedFrom: id,
      scopes: ['a'],
      metadata: { a: 1 },
      version: 2,
      fenced: true,
    })
    expect(next.previous).toMatchObject({ id, rotatedTo: next.id, expiresAt: new Date(clock.now() + 2_000) })
    expect(await Promise.all([ask(apiKey), ask(next.apiKey)])).toEqual(['admitted', 'admitted'])
    clock.advance(1_999)
    expect(await ask(apiKey)).toBe('admitted')
    clock.advance(1)
    expect(await Promise.all([ask(apiKey), ask(next.apiKey)])).toEqual(['invalid_api_key', 'admitted'])
    expect((await keys.get(id)).state).toBe('expired')
  })

  it('66: rotates without grace: the old one is revoked at once', async () => {
    const { keys, ask, createKey } = kit()
    const { id, apiKey } = await createKey()
    expect(await ask(apiKey)).toBe('admitted')
    const next = await keys.rotate(id)
    expect(next.previous.state).toBe('revoked')
    expect(await Promise.all([ask(apiKey), ask(next.apiKey)])).toEqual(['invalid_api_key', 'admitted'])
  })

  it('keeps an expiry that comes before the end of the grace, and hands it on', async () => {
    const { keys, clock, createKey } = kit()
    const expiresAt = new Date(clock.now() + 5_000)
    const { id } = await createKey({ expiresAt })
    const next = await keys.rotate(id, { graceSeconds: 60 })
    expect([next.expiresAt, next.previous.expiresAt]).toEqual([expiresAt, expiresAt])
    await expect(keys.update(id, { expiresAt: null })).rejects.toMatchObject({ code: 'validation_failed' })
    await expect(keys.update(id, { expiresAt: new Date(clock.now() + 9_000) })).rejects.toMatchObject({
      code: 'validation_failed',
    })
    expect(await keys.update(id, { expiresAt: new Date(clock.now() + 1_000) })).toMatchObject({ state: 'active' })
  })

  it('68: does not rotate a key that is revoked, disabled, expired, deleted or rotated, and creates nothing', async () => {
    const { keys, clock, createKey, store } = kit()
    const doomed = await Promise.all(
      (['revoke', 'disable', 'delete'] as const).map(async (action) => {
        const { id } = await createKey()
        await keys[action](id)
        return id
      }),
    )
    const rotated = await createKey()
    await keys.rotate(rotated.id, { graceSeconds: 60 })
    const expired = await createKey({ expiresAt: new Date(clock.now() + 1) })
    clock.advance(1)
    const before = await chainOf(store, 'test')
    for (const id of [...doomed, expired.id, rotated.id])
      await expect(keys.rotate(id, { graceSeconds: 60 })).rejects.toMatchObject({ code: 'conflict' })
    expect(await chainOf(store, 'test')).toEqual(before)
    expect((await keys.list({ limit: 100 })).items).toHaveLength(5)
  })

  it('lets one of many rotations at once win, and makes one successor', async () => {
    const { keys, ask, createKey } = kit()
    const { id } = await createKey()
    const rotations = await Promise.allSettled(Array.from({ length: 8 }, () => keys.rotate(id, { graceSeconds: 60 })))
    const won = rotations.flatMap((rotation) => (rotation.status === 'fulfilled' ? [rotation.value] : []))
    const lost = rotations.flatMap((rotation) => (rotation.status === 'rejected' ? [rotation.reason] : []))
    expect(won).toHaveLength(1)
    expect(lost.map(({ name, code }) => [name, code])).toEqual(Array(7).fill(['StoreConflictError', 'conflict']))
    expect((await keys.list()).items).toHaveLength(2)
    expect((await keys.get(id)).rotatedTo).toBe(won[0]?.id)
    expect(await ask(won[0]?.apiKey ?? '')).toBe('admitted')
  })

  it('71: shares a version over its lineage, and ends whole when both keys are revoked during grace', async () => {
    const { keys, ask, createKey } = kit()
    const { id, apiKey } = await createKey()
    const next = await keys.rotate(id, { graceSeconds: 60 })
    const third = await keys.rotate(next.id, { graceSeconds: 60 })
    expect(third).toMatchObject({ lineage: id, rotatedFrom: next.id, version: 3 })
    const all = [apiKey, next.apiKey, third.apiKey]
    expect(await Promise.all(all.map(ask))).toEqual(['admitted', 'admitted', 'admitted'])
    const results = await keys.bulk('revoke', { ids: [id, next.id, third.id] })
    expect(results.every(({ ok }) => ok)).toBe(true)
    expect(await Promise.all(all.map(ask))).toEqual(['invalid_api_key', 'invalid_api_key', 'invalid_api_key'])
    expect((await keys.get(id)).version).toBe(6)
  })

  it('goes on for a key of a lineage whose other key is revoked, deleted or purged', async () => {
    const { keys, ask, createKey } = kit()
    for (const action of ['revoke', 'delete', 'purge'] as const) {
      const { id, apiKey } = await createKey()
      const next = await keys.rotate(id, { graceSeconds: 60 })
      expect(await Promise.all([ask(apiKey), ask(next.apiKey)])).toEqual(['admitted', 'admitted'])
      await keys[action](id)
      expect(await Promise.all([ask(apiKey), ask(next.apiKey)])).toEqual(['invalid_api_key', 'admitted'])
    }
  })

  it('59: has one audit entry for every effect, and none for doing it twice', async () => {
    const { keys, store, createKey } = kit()
    const { id } = await createKey()
    for (const action of ['disable', 'disable', 'enable', 'enable', 'revoke', 'revoke', 'delete', 'delete'] as const)
      await keys[action](id)
    expect(await actionsOf(store)).toEqual(['key.created', 'key.disabled', 'key.enabled', 'key.revoked', 'key.deleted'])
    expect((await keys.get(id)).version).toBe(5)
  })

  it.each([
    ['revoked', 'revoke', ['update', 'disable', 'enable', 'rotate'], ['revoke', 'delete', 'purge']],
    ['deleted', 'delete', ['update', 'disable', 'enable', 'rotate', 'revoke'], ['delete', 'purge']],
  ] as const)('does not bring a %s key back, nor touch it', async (state, end, refused, allowed) => {
    const { keys, createKey } = kit()
    const act = (id: string, action: (typeof refused | typeof allowed)[number]) =>
      action === 'update' ? keys.update(id, { name: 'new' }) : keys[action](id)
    const { id } = await createKey()
    await keys[end](id)
    for (const action of refused) {
      await expect(act(id, action)).rejects.toMatchObject({ name: 'StoreConflictError', code: 'conflict' })
      expect(await keys.get(id)).toMatchObject({ state, name: 'test', version: 2 })
    }
    for (const action of allowed) await act(id, action)
  })

  it('181: merges updates at once, and refuses the second of two that name one version', async () => {
    const { keys, createKey } = kit()
    const { id } = await createKey()
    await Promise.all([keys.update(id, { name: 'a' }), keys.update(id, { scopes: ['b'] }), keys.disable(id)])
    expect(await keys.get(id)).toMatchObject({ name: 'a', scopes: ['b'], state: 'disabled', version: 4 })
    const named = await Promise.allSettled([
      keys.update(id, { name: 'x' }, { ifVersion: 4 }),
      keys.update(id, { name: 'y' }, { ifVersion: 4 }),
    ])
    expect(named.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
    await expect(keys.enable(id, { ifVersion: 4 })).rejects.toMatchObject({ code: 'precondition_failed' })
    await expect(keys.revoke(id, { ifVersion: 6 })).rejects.toMatchObject({ code: 'precondition_failed' })
    expect((await keys.get(id)).version).toBe(5)
  })

  it('ends in a row that stays for audit, or in none, as the option says', async () => {
    for (const onDelete of ['soft', 'purge'] as const) {
      const { keys, ask, createKey, store } = kit({ keys: { onDelete } })
      const { id, apiKey } = await createKey()
      expect(await ask(apiKey)).toBe('admitted')
      expect(await keys.delete(id)).toMatchObject({ state: 'deleted', fenced: true })
      expect(await ask(apiKey)).toBe('invalid_api_key')
      expect((await keys.list()).items).toEqual([])
      expect((await keys.list({ state: 'deleted' })).items).toHaveLength(onDelete === 'soft' ? 1 : 0)
      if (onDelete === 'soft') expect((await keys.get(id)).state).toBe('deleted')
      else await expect(keys.get(id)).rejects.toMatchObject({ code: 'not_found' })
      expect(await actionsOf(store)).toEqual(['key.created', onDelete === 'soft' ? 'key.deleted' : 'key.purged'])
    }
  })

  it('may begin again under the digest of a purged key, and is another key then', async () => {
    const { keys, ask, createKey } = kit()
    const { id, apiKey } = await createKey()
    expect(await ask(apiKey)).toBe('admitted')
    await keys.purge(id)
    expect(await ask(apiKey)).toBe('invalid_api_key')
    const digest = createHash('sha256').update(apiKey).digest('hex')
    const again = await keys.import({ owner: 'test', name: 'again', digest })
    expect(again.lineage).not.toBe(id)
    expect(await ask(apiKey)).toBe('admitted')
  })

  it('184: is changed in bulk, each key with its own outcome and one audit entry', async () => {
    const { keys, store, createKey } = kit()
    const mine = await Promise.all(Array.from({ length: 5 }, () => createKey()))
    const foreign = await createKey({ owner: 'other' })
    const ids = [...mine.map(({ id }) => id), foreign.id, unknownId, mine[0]?.id ?? '']
    await keys.delete(mine[4]?.id ?? '')
    const actor: Actor = { id: 'usr_1', owner: 'test', scopes: [] }
    const results = await keys.bulk('revoke', { ids }, { actor })
    expect(results.map((result) => (result.ok ? 'ok' : result.code))).toEqual([
      ...['ok', 'ok', 'ok', 'ok', 'conflict'],
      ...['not_found', 'not_found'],
    ])
    expect((await actionsOf(store)).filter((action) => action === 'key.revoked')).toHaveLength(4)
    expect(await actionsOf(store, 'other')).toEqual(['key.created'])
    expect((await keys.get(foreign.id)).state).toBe('active')
  })

  it('ends for all keys of an owner at once, and for nobody else’s', async () => {
    const { keys, ask, createKey } = kit()
    const [mine, others] = await Promise.all([
      Promise.all(Array.from({ length: 250 }, () => createKey())),
      Promise.all(Array.from({ length: 3 }, () => createKey({ owner: 'other' }))),
    ])
    const results = await keys.bulk('revoke', { owner: 'test' })
    expect(results.filter(({ ok }) => ok)).toHaveLength(250)
    expect(await Promise.all([mine[0], mine[249]].map((key) => ask(key?.apiKey ?? '')))).toEqual([
      'invalid_api_key',
      'invalid_api_key',
    ])
    expect(await Promise.all(others.map(({ apiKey }) => ask(apiKey)))).toEqual(['admitted', 'admitted', 'admitted'])
  })

  it('takes at most 1,000 ids in bulk, and honours the version that a bulk call names', async () => {
    const { keys, createKey } = kit()
    const ids = Array.from({ length: 1_001 }, (_, index) => `key_${String(index).padStart(26, '0')}`)
    await expect(keys.bulk('revoke', { ids })).rejects.toMatchObject({ code: 'validation_failed' })
    const { id } = await createKey()
    expect(await keys.bulk('revoke', { ids: [id] }, { ifVersion: 7 })).toEqual([
      { id, ok: false, code: 'precondition_failed' },
    ])
  })

  it('is written down in a chain that adds up, with who did it and from where', async () => {
    const { keys, store, createKey, clock } = kit()
    const { id } = await createKey()
    const context = { actor: { id: 'usr_1', owner: null, scopes: ['*'] }, address: '192.0.2.1', requestId: 'req_1' }
    clock.set(clock.now() - 3_600_000)
    await keys.update(id, { name: 'new' }, context)
    await keys.rotate(id, { graceSeconds: 5 }, context)
    await keys.purge(id, context)
    const chain = await chainOf(store, 'test')
    expect(chain.map(({ action, sequence }) => [action, sequence])).toEqual([
      ['key.created', 1],
      ['key.updated', 2],
      ['key.rotated', 3],
      ['key.purged', 4],
    ])
    expect(chain[1]).toMatchObject({
      keyId: id,
      owner: 'test',
      actor: 'usr_1',
      address: '192.0.2.1',
      requestId: 'req_1',
      at: new Date(clock.now()),
      details: { before: { name: 'test' }, after: { name: 'new' } },
    })
    expect(firstBrokenLink(chain)).toBeUndefined()
    const forged = chain.map((entry, index) => (index === 1 ? { ...entry, actor: 'usr_2' } : entry))
    expect(firstBrokenLink(forged)).toBe(2)
    expect(firstBrokenLink(chain.toSpliced(1, 1))).toBe(2)
  })

  it('46: begins with another drawing when a digest is taken, and overwrites nothing', async () => {
    const clock = createTestClock()
    const store = createStore(clock)
    const { keyFormat, ...profile } = createTestKeyward().keyward.profile
    const [taken, free] = [keyFormat.make(), keyFormat.make()]
    const drawn = [taken, taken, free, taken, taken]
    const make = () => drawn.shift() ?? keyFormat.make()
    const { keyward, createKey } = createTestKeyward(
      { store, profile: { ...profile, keyFormat: { ...keyFormat, make } } },
      clock,
    )
    open.push(keyward)
    const first = await createKey({ name: 'first' })
    expect((await createKey({ name: 'second' })).apiKey).toBe(free)
    await expect(createKey({ name: 'third' })).rejects.toMatchObject({ code: 'conflict' })
    expect((await keyward.keys.get(first.id)).name).toBe('first')
    expect((await keyward.keys.list()).items).toHaveLength(2)
  })

  it('39: begins by an import once a digest: a second import is a conflict, and changes nothing', async () => {
    const { keys, ask, store, keyward } = kit()
    const apiKey = keyward.profile.keyFormat.make()
    const digest = createHash('sha256').update(apiKey).digest('hex')
    const { id } = await keys.import({ owner: 'test', name: 'first', digest, scopes: ['a'] })
    const before = await store.findById(id)
    for (const owner of ['test', 'other'])
      await expect(keys.import({ owner, name: 'second', digest, scopes: ['b'] })).rejects.toMatchObject({
        code: 'conflict',
      })
    expect(await store.findById(id)).toEqual(before)
    expect((await keys.list()).items).toHaveLength(1)
    expect(await actionsOf(store)).toEqual(['key.imported'])
    expect(await actionsOf(store, 'other')).toEqual([])
    expect(await ask(apiKey)).toBe('admitted')
    await keys.revoke(id)
    await expect(keys.import({ owner: 'test', name: 'again', digest })).rejects.toMatchObject({ code: 'conflict' })
  })

  it('176: is listed in pages, newest first, by owner and state, without gaps or doubles', async () => {
    const { keys, createKey, clock } = kit()
    const made: string[] = []
    for (let count = 0; count < 23; count++) made.push((await createKey({ owner: count % 2 ? 'b' : 'a' })).id)
    clock.set(clock.now() - 5_000)
    made.push((await createKey({ owner: 'a' })).id)
    const seen: string[] = []
    let cursor: string | undefined
    do {
      const page = await keys.list({ owner: 'a', limit: 5, cursor })
      seen.push(...page.items.map(({ id }) => id))
      cursor = page.nextCursor ?? undefined
      if (seen.length === 5) await createKey({ owner: 'a' })
    } while (cursor !== undefined)
    const expected = made.filter((_, index) => index === 23 || index % 2 === 0).reverse()
    expect(seen).toEqual(expected)
    await keys.revoke(seen[0] ?? '')
    await keys.delete(seen[1] ?? '')
    expect((await keys.list({ owner: 'a', state: 'revoked' })).items.map(({ id }) => id)).toEqual([seen[0]])
    expect((await keys.list({ owner: 'a', state: 'deleted' })).items.map(({ id }) => id)).toEqual([seen[1]])
    const listed = (await keys.list({ owner: 'a', limit: 100 })).items.map(({ id, state }) => [id, state])
    expect(listed).toContainEqual([seen[0], 'revoked'])
    expect(listed).toHaveLength(13)
    expect((await keys.list({ owner: "' OR 1=1--" })).items).toEqual([])
    expect((await keys.list({ owner: '%' })).items).toEqual([])
  })

  it('176: refuses a page that is none, and a cursor of another making; a foreign one shows nothing foreign', async () => {
    const { keys, createKey } = kit()
    for (let count = 0; count < 4; count++) await createKey({ owner: count < 2 ? 'a' : 'b' })
    for (const limit of [0, -1, 101, 1e9, 1.5, Number.NaN])
      await expect(keys.list({ limit })).rejects.toBeInstanceOf(InvalidInputError)
    for (const cursor of ['', 'x', '%%%', btoa('key_1'), btoa("key_' OR 1=1"), 'A'.repeat(300)])
      await expect(keys.list({ cursor })).rejects.toMatchObject({ code: 'validation_failed' })
    const foreign = (await keys.list({ owner: 'b', limit: 1 })).nextCursor ?? ''
    const page = await keys.list({ owner: 'a', cursor: foreign })
    expect(new Set(page.items.map(({ owner }) => owner))).toEqual(new Set(['a']))
  })
})

describe('who may do what', () => {
  const actor = (owner: string | null, ...scopes: string[]) => ({ actor: { id: 'usr_1', owner, scopes } })

  it('168: another owner’s keys are not there, whatever is tried', async () => {
    const { keyward, createKey } = createTestKeyward()
    const { keys } = keyward
    const { id } = await createKey({ owner: 'b' })
    const foreign = actor('a', '*')
    const attempts: readonly (() => Promise<unknown>)[] = [
      () => keys.get(id, foreign),
      () => keys.update(id, { name: 'x' }, foreign),
      () => keys.rotate(id, {}, foreign),
      ...(['disable', 'enable', 'revoke', 'delete', 'purge'] as const).map((act) => () => keys[act](id, foreign)),
      () => keys.create({ owner: 'b', name: 'x' }, foreign),
      () => keys.import({ owner: 'b', name: 'x', digest: '0'.repeat(64) }, foreign),
      () => keys.list({ owner: 'b' }, foreign),
      () => keys.bulk('revoke', { owner: 'b' }, foreign),
      () => keyward.limits.read(id, foreign),
    ]
    for (const attempt of attempts) {
      await expect(attempt()).rejects.toMatchObject({ name: 'NotFoundError', code: 'not_found' })
    }
    const unknown = await keys.get(unknownId, foreign).catch((error: Error) => error.message)
    expect(await keys.get(id, foreign).catch((error: Error) => error.message)).toBe(unknown)
    expect((await keys.list({}, foreign)).items).toEqual([])
    expect(await keys.get(id)).toMatchObject({ version: 1, state: 'active' })
  })

  it('an actor without an owner acts for every owner, and is remembered as who created a key', async () => {
    const { keyward } = createTestKeyward()
    const created = await keyward.keys.create({ owner: 'b', name: 'x' }, actor(null, '*'))
    expect(created.createdBy).toBe('usr_1')
    expect((await keyward.keys.list({}, actor(null))).items).toHaveLength(1)
  })

  it('171: nobody grants more than they have: not by creating, importing, updating or rotating', async () => {
    const { keyward, createKey } = createTestKeyward()
    const { keys } = keyward
    const { id } = await createKey({ owner: 'a', scopes: ['read', 'write'] })
    const reader = actor('a', 'read')
    const attempts: readonly (() => Promise<unknown>)[] = [
      () => keys.create({ owner: 'a', name: 'x', scopes: ['write'] }, reader),
      () => keys.import({ owner: 'a', name: 'x', scopes: ['read', 'write'], digest: '0'.repeat(64) }, reader),
      () => keys.update(id, { scopes: ['read', 'write', 'admin'] }, reader),
      () => keys.rotate(id, {}, reader),
      () => keys.create({ owner: 'a', name: 'x', scopes: ['*'] }, reader),
    ]
    for (const attempt of attempts)
      await expect(attempt()).rejects.toMatchObject({ name: 'ForbiddenError', code: 'forbidden' })
    expect((await keys.list({})).items).toHaveLength(1)
    expect(await keys.update(id, { scopes: ['write'] }, reader)).toMatchObject({ scopes: ['write'] })
    expect(await keys.create({ owner: 'a', name: 'x', scopes: ['read'] }, reader)).toMatchObject({ scopes: ['read'] })
    expect(await keys.rotate(id, {}, actor('a', '*'))).toMatchObject({ scopes: ['write'] })
  })

  it('an actor of one owner edits no policy, which is everybody’s', async () => {
    const { keyward } = createTestKeyward({ limits: { policies } })
    const windows = [{ limit: 1_000_000, windowSeconds: 1 }]
    await expect(keyward.limits.setPolicy('default', windows, actor('a', '*'))).rejects.toMatchObject({
      code: 'forbidden',
    })
    expect((await keyward.limits.policy('default')).version).toBe(0)
    expect(await keyward.limits.setPolicy('default', windows, actor(null, '*'))).toMatchObject({ version: 1 })
  })

  it('where scopes are demanded, no key is without one', async () => {
    for (const requireScopes of [true, (owner: string) => owner === 'strict']) {
      const { keyward } = createTestKeyward({ keys: { requireScopes } })
      const { keys } = keyward
      const input = { owner: 'strict', name: 'x' }
      const paths = (error: InvalidInputError) => error.issues.map(({ path }) => path.join('.'))
      await expect(keys.create(input).catch(paths)).resolves.toEqual(['scopes'])
      await expect(keys.create({ ...input, scopes: [] }).catch(paths)).resolves.toEqual(['scopes'])
      await expect(keys.import({ ...input, digest: '0'.repeat(64) }).catch(paths)).resolves.toEqual(['scopes'])
      const { id } = await keys.create({ ...input, scopes: ['tasks:write'] })
      await expect(keys.update(id, { scopes: [] }).catch(paths)).resolves.toEqual(['scopes'])
      expect(await keys.update(id, { name: 'y' })).toMatchObject({ scopes: ['tasks:write'] })
      if (typeof requireScopes === 'function') await keys.create({ owner: 'lax', name: 'x' })
    }
  })
})

describe('the input of a key', () => {
  const nested = (depth: number) => {
    let value: Record<string, unknown> = {}
    for (let level = 1; level < depth; level++) value = { inner: value }
    return value
  }
  const filled = (bytes: number) => ({ text: 'x'.repeat(bytes - '{"text":""}'.length) })
  const cyclic: Record<string, unknown> = {}
  cyclic['self'] = cyclic

  it.each([
    ['metadata of exactly 16,384 bytes', { metadata: filled(16_384) }],
    ['metadata 32 levels deep', { metadata: nested(32) }],
    ['a name of 128 characters', { name: 'ä'.repeat(128) }],
    ['a name with spaces and emoji inside', { name: 'CI 🚀 (eu-west)' }],
    ['a scope of every character that RFC 6749 allows', { scopes: ['!#[]~', 'a:b/c.d-e_f'] }],
    ['addresses and ranges', { addresses: ['192.0.2.1', '10.0.0.0/8', '2001:db8::/32', '::1'] }],
    ['an expiry a millisecond from now', { expiresAt: new Date(Date.UTC(2026, 0, 1) + 1) }],
  ] satisfies [string, Partial<NewKey>][])('may be %s', async (_what, input) => {
    expect(await createTestKeyward().createKey(input)).toMatchObject({ state: 'active' })
  })

  it.each([
    ['174: metadata of 17 kB', 'metadata', { metadata: filled(17_000) }],
    ['174: metadata of 16,385 bytes', 'metadata', { metadata: filled(16_385) }],
    ['174: metadata of 16,385 bytes in few characters', 'metadata', { metadata: { text: 'é'.repeat(8_188) } }],
    ['174: metadata 33 levels deep', 'metadata', { metadata: nested(33) }],
    ['174: metadata 1,000 levels deep', 'metadata', { metadata: nested(1_000) }],
    ['174: metadata 100,000 levels deep', 'metadata', { metadata: nested(100_000) }],
    [
      '174: 10,000 members',
      'metadata',
      { metadata: Object.fromEntries(Array.from({ length: 10_000 }, (_, index) => [`m${index}`, 1])) },
    ],
    ['174: a member of 100 kB', 'metadata', { metadata: { ['k'.repeat(100_000)]: 1 } }],
    ['metadata that goes in a circle', 'metadata', { metadata: cyclic }],
    ['metadata that is a list', 'metadata', { metadata: [] }],
    ['metadata with what is no JSON', 'metadata', { metadata: { count: 1n } }],
    ['175: a name with a line break', 'name', { name: 'a\r\nb' }],
    ['175: a name with NUL', 'name', { name: 'a\u0000b' }],
    ['175: a name with an escape', 'name', { name: '\u001b[31mred' }],
    ['175: a name that turns text around', 'name', { name: 'a\u202Eb' }],
    ['175: a name with a zero-width space', 'name', { name: 'a\u200Bb' }],
    ['175: a name with half a surrogate', 'name', { name: 'a\uD800' }],
    ['175: a name of 10 kB', 'name', { name: 'x'.repeat(10_240) }],
    ['175: a name of 129 characters', 'name', { name: 'x'.repeat(129) }],
    ['an empty name', 'name', { name: '' }],
    ['a name of spaces', 'name', { name: '  ' }],
    ['no owner', 'owner', { owner: '' }],
    ['an owner with a line break', 'owner', { owner: 'a\nb' }],
    ['26: a scope with a quotation mark', 'scopes.0', { scopes: ['a"b'] }],
    ['26: a scope with a backslash', 'scopes.1', { scopes: ['ok', 'a\\b'] }],
    ['26: a scope with a space', 'scopes.0', { scopes: ['a b'] }],
    ['26: a scope with emoji', 'scopes.0', { scopes: ['🚀'] }],
    ['an empty scope', 'scopes.0', { scopes: [''] }],
    ['a scope of 129 characters', 'scopes.0', { scopes: ['x'.repeat(129)] }],
    ['101 scopes', 'scopes', { scopes: Array.from({ length: 101 }, (_, index) => `s${index}`) }],
    ['an address that is none', 'addresses.0', { addresses: ['300.1.1.1'] }],
    ['a range that is too wide to be one', 'addresses.0', { addresses: ['10.0.0.0/33'] }],
    ['a policy that does not exist', 'policies.0', { policies: ['gone'] }],
    ['an expiry in the past', 'expiresAt', { expiresAt: new Date(0) }],
    ['an expiry now', 'expiresAt', { expiresAt: new Date(Date.UTC(2026, 0, 1)) }],
    ['an expiry before its start', 'expiresAt', { startsAt: new Date(2e12), expiresAt: new Date(1.9e12) }],
    ['an expiry at its start', 'expiresAt', { startsAt: new Date(2e12), expiresAt: new Date(2e12) }],
    ['an instant that is none', 'expiresAt', { expiresAt: new Date(Number.NaN) }],
    ['an instant as text', 'expiresAt', { expiresAt: '2030-01-01' }],
    ['an instant in the year 10000', 'expiresAt', { expiresAt: new Date(Date.UTC(10_000, 0)) }],
    ['a field that does not exist', '', { role: 'admin' }],
    ['a field that only the library sets', '', { revokedAt: null }],
  ])('may not be %s', async (_what, path, input) => {
    const { keyward, createKey } = createTestKeyward()
    const error = await createKey(input as Partial<NewKey>).then(
      () => undefined,
      (thrown: unknown) => thrown,
    )
    if (!(error instanceof InvalidInputError)) throw new Error(`expected InvalidInputError, found ${error}`)
    expect(error.issues.map((issue) => issue.path.join('.'))).toContain(path)
    expect((await keyward.keys.list()).items).toEqual([])
  })

  it.each([
    ['', '0'.repeat(63), 'x'.repeat(64), '0'.repeat(65), ''],
    [`${'A'.repeat(42)}B`, `${'A'.repeat(43)}==`, ` ${'0'.repeat(63)}`],
  ])('may not have a digest that is none', async (...digests) => {
    const { keyward } = createTestKeyward()
    for (const digest of digests)
      await expect(keyward.keys.import({ owner: 'a', name: 'x', digest })).rejects.toMatchObject({
        code: 'validation_failed',
      })
  })

  it('is copied: changing it later changes no key', async () => {
    const { keyward, createKey } = createTestKeyward()
    const metadata = { list: [1] }
    const scopes = ['a']
    const { id } = await createKey({ metadata, scopes })
    metadata.list.push(2)
    scopes.push('b')
    expect(await keyward.keys.get(id)).toMatchObject({ metadata: { list: [1] }, scopes: ['a'] })
  })

  it.each(['__proto__', 'constructor', 'toString', '1', 'a:b'])(
    '244: may name an owner %s, which is an owner like any other',
    async (owner) => {
      const { keyward, createKey } = createTestKeyward({
        limits: { policies: { default: [{ limit: 1, windowSeconds: 60, per: 'owner' }] } },
      })
      const { apiKey } = await createKey({ owner, metadata: JSON.parse('{"__proto__":{"admin":true}}') })
      expect(await outcomeOf(keyward, apiKey)).toBe('admitted')
      expect((await keyward.keys.list({ owner })).items).toHaveLength(1)
      expect(({} as { admin?: boolean }).admin).toBeUndefined()
    },
  )
})
