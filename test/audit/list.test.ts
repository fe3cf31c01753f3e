import { ConfigError, createKeyward, InvalidInputError, memory, NotFoundError, StoreUnavailableError } from 'keyward'
import { sqlite } from 'keyward/sqlite'
import { createTestClock, createTestKeyward } from 'keyward/testing'
import Libsql from 'libsql'
import { describe, expect, it, onTestFinished } from 'vitest'
import { storeKinds } from '../store-kinds.ts'
import { temporaryFile } from '../stores/sqlite/temporary-files.ts'
import { entryAt } from './entries.ts'

const acme = { actor: { id: 'acme-admin', owner: 'acme', scopes: ['*'] } }

describe.each(storeKinds)('the audit trail in %s', (_, createStore) => {
  async function open() {
    const clock = createTestClock()
    const store = createStore(clock)
    const { keyward, createKey } = createTestKeyward({ store }, clock)
    onTestFinished(() => keyward.close())
    await keyward.audit.list()
    return { keyward, store, clock, createKey }
  }

  it('lists what was done, newest first, with who, from where and when', async () => {
    const { keyward, clock, createKey } = await open()
    const { id } = await createKey({ owner: 'acme' })
    clock.advance(5)
    await keyward.keys.revoke(id, { ...acme, address: '192.0.2.7', requestId: 'req_1' })
    const { items, nextCursor } = await keyward.audit.list({ owner: 'acme' })
    expect(nextCursor).toBeNull()
    expect(items.map(({ action }) => action)).toEqual(['key.revoked', 'key.created'])
    expect(items[0]).toMatchObject({
      ...{ owner: 'acme', sequence: 2, keyId: id, actor: 'acme-admin', address: '192.0.2.7', requestId: 'req_1' },
      at: new Date(clock.now()),
      previousHash: items[1]?.hash,
    })
    expect(items[0]).not.toHaveProperty('reachedAt')
  })

  it('shows an actor of one owner only what is of that owner (row 254)', async () => {
    const { keyward, createKey } = await open()
    const [own, foreign] = [await createKey({ owner: 'acme' }), await createKey({ owner: 'other' })]
    expect((await keyward.audit.list({}, acme)).items.map(({ keyId }) => keyId)).toEqual([own.id])
    expect((await keyward.audit.list({ keyId: foreign.id }, acme)).items).toEqual([])
    for (const owner of ['other', 'nobody', '']) {
      await expect(keyward.audit.list({ owner }, acme)).rejects.toThrow(NotFoundError)
      await expect(keyward.audit.verify({ owner }, acme)).rejects.toThrow(NotFoundError)
      expect(() => keyward.audit.export({ owner, format: 'csv' }, acme)).toThrow(NotFoundError)
    }
    const { nextCursor } = await keyward.audit.list({ limit: 1 })
    const page = await keyward.audit.list({ cursor: nextCursor ?? '' }, acme)
    expect(page.items.every(({ owner }) => owner === 'acme')).toBe(true)
    expect((await keyward.audit.list()).items).toHaveLength(2)
  })

  it('pages by cursor over several owners, and new entries shift no page', async () => {
    const { keyward, store, clock } = await open()
    const drafts = Array.from({ length: 25 }, (_, index) =>
      entryAt(clock.now(), { owner: ['acme', '東京', ''][index % 3] ?? '' }),
    )
    await store.appendAudit(drafts)
    const seen: string[] = []
    let cursor: string | null | undefined
    while (cursor !== null) {
      const page = await keyward.audit.list({ limit: 7, ...(cursor !== undefined && { cursor }) })
      seen.push(...page.items.map(({ owner, sequence }) => `${owner} ${sequence}`))
      cursor = page.nextCursor
      await store.appendAudit([entryAt(clock.now() + 1)])
    }
    expect(seen).toHaveLength(25)
    expect(new Set(seen).size).toBe(25)
  })

  it('keeps the order of the chain when the clock is set back, in lists and stretches of time (row 253)', async () => {
    const { keyward, clock, createKey } = await open()
    const first = await createKey({ owner: 'acme' })
    clock.advance(60_000)
    const noon = new Date(clock.now())
    await keyward.keys.disable(first.id)
    clock.set(clock.now() - 3_600_000)
    await keyward.keys.enable(first.id)
    await createKey({ owner: 'other' })
    const { items } = await keyward.audit.list({ owner: 'acme' })
    expect(items.map(({ sequence }) => sequence)).toEqual([3, 2, 1])
    expect(items[0]?.at.getTime()).toBeLessThan(items[1]?.at.getTime() ?? 0)
    expect((await keyward.audit.list({ owner: 'acme', from: noon })).items.map(({ sequence }) => sequence)).toEqual([
      3, 2,
    ])
    expect((await keyward.audit.list({ owner: 'acme', to: noon })).items.map(({ sequence }) => sequence)).toEqual([1])
    expect(await keyward.audit.verify({ owner: 'acme' })).toMatchObject({ isIntact: true, goodThroughSequence: 3 })
  })

  it('refuses what is no filter, no limit and no cursor of its own', async () => {
    const { keyward } = await open()
    for (const input of [
      { limit: 0 },
      { limit: 101 },
      { limit: 1.5 },
      { cursor: 'x' },
      { cursor: btoa('[1]') },
      { cursor: btoa('[1,0,"acme"]') },
      { cursor: btoa('[1e99,1,"acme"]') },
      { action: "key'--" },
      { from: new Date(Number.NaN) },
      { owner: 'a'.repeat(257) },
      { other: 1 },
    ])
      await expect(keyward.audit.list(input as never), JSON.stringify(input)).rejects.toThrow(InvalidInputError)
    await expect(keyward.audit.verify()).rejects.toThrow(InvalidInputError)
    expect(() => keyward.audit.export({ format: 'xml' } as never)).toThrow(InvalidInputError)
  })
})

describe('the retention of audit entries', () => {
  it.each([0, 3_651, 1.5, '90', Number.NaN])('is a whole number of days from 1 to 3,650, not %s', (retentionDays) => {
    const store = memory({ losesDataOnExit: true })
    expect(() => createKeyward({ store, audit: { retentionDays } as never })).toThrow(ConfigError)
  })
})

describe('a store that hangs', () => {
  it('keeps nobody waiting for its audit trail', async () => {
    const store = { ...memory({ losesDataOnExit: true }), deadlineMs: 50 }
    const hang = () => new Promise<never>(() => {})
    Object.assign(store, { queryAudit: hang, findAuditEnds: hang, listAuditOwners: hang, appendAudit: hang })
    for (const call of ['list', 'verify', 'purge', 'noteRefusal'] as const) {
      const { audit } = createKeyward({ store })
      const refusal = { code: 'forbidden', method: 'GET', route: null, target: null } as const
      const asked = {
        list: () => audit.list(),
        verify: () => audit.verify({ owner: 'acme' }),
        purge: () => audit.purge(),
        noteRefusal: () => audit.noteRefusal(refusal, acme),
      }
      await expect(asked[call](), call).rejects.toThrow(StoreUnavailableError)
    }
  })
})

describe('an audit entry that cannot be written', () => {
  it('239: is not left out: what it is about is not done either, and works when it can be', async () => {
    const file = temporaryFile()
    const keyward = createKeyward({ store: sqlite(file) })
    onTestFinished(() => keyward.close())
    const { id } = await keyward.keys.create({ owner: 'acme', name: 'first' })
    const before = await keyward.keys.get(id)
    const database = new Libsql(file)
    onTestFinished(() => void database.close())
    database.exec(
      `CREATE TRIGGER full BEFORE INSERT ON keyward_audit BEGIN SELECT RAISE(ABORT, 'there is no room'); END`,
    )
    for (const change of [
      () => keyward.keys.create({ owner: 'acme', name: 'second' }),
      () => keyward.keys.update(id, { name: 'renamed' }),
      () => keyward.keys.rotate(id),
      () => keyward.keys.revoke(id),
      () => keyward.credits.topUp({ owner: 'acme' }, { amount: 1 }),
    ])
      await expect(change()).rejects.toMatchObject({ code: 'service_unavailable' })
    expect((await keyward.keys.list()).items).toEqual([before])
    expect((await keyward.credits.get({ owner: 'acme' })).balance).toBe(0)
    database.exec('DROP TRIGGER full')
    await keyward.keys.revoke(id)
    const { items } = await keyward.audit.list({ owner: 'acme' })
    expect(items.map(({ action }) => action)).toEqual(['key.revoked', 'key.created'])
  })
})
