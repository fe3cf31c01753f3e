import { sqlite } from 'keyward/sqlite'
import { describe, expect, it } from 'vitest'
import { temporaryFile } from '../stores/sqlite/temporary-files.ts'
import { type Desk, openDesk } from './desk.ts'

const SORTS = ['newest', 'oldest', 'name', 'lastUsed'] as const

async function create(desk: Desk, name: string, owner = 'acme') {
  return desk.keyward.keys.create({ name, owner })
}

async function namesFound(desk: Desk, as: string, query: Readonly<Record<string, string>>): Promise<readonly string[]> {
  const { status, body } = await desk.send(as, 'GET', `/keys?${new URLSearchParams(query)}`)
  expect(status).toBe(200)
  return body.items.map(({ name }: { name: string }) => name)
}

/** Walks through all pages of a list, two keys a page. */
async function walk(desk: Desk, as: string, query: Readonly<Record<string, string>>): Promise<readonly string[]> {
  const names: string[] = []
  let cursor: string | null = ''
  while (cursor !== null) {
    const page = new URLSearchParams({ ...query, limit: '2', ...(cursor !== '' && { cursor }) })
    const { status, body } = await desk.send(as, 'GET', `/keys?${page}`)
    expect(status).toBe(200)
    names.push(...body.items.map(({ name }: { name: string }) => name))
    cursor = body.nextCursor
  }
  return names
}

describe('searching keys', () => {
  it('177: takes %, _, * and SQL as they are', async () => {
    const desk = await openDesk({ store: sqlite(temporaryFile()) })
    const terms = ['%', '_', '*', "' OR 1=1--", '"', '\\', '100%']
    for (const term of [...terms, 'plain']) await create(desk, `${term} key`)
    for (const search of terms) expect(await namesFound(desk, 'acme', { search }), search).toEqual([`${search} key`])
    expect(await namesFound(desk, 'acme', { search: 'pl_in' })).toEqual([])
    expect(await namesFound(desk, 'acme', { search: 'PLAIN' })).toEqual(['plain key'])
  })

  it('finds by name, start, owner and id, and nothing of another owner', async () => {
    const desk = await openDesk({ store: sqlite(temporaryFile()) })
    const mine = await create(desk, 'Production')
    const theirs = await create(desk, 'production of others', 'other')
    expect(await namesFound(desk, 'admin', { search: 'PROD', sort: 'name' })).toEqual([mine.name, theirs.name])
    expect(await namesFound(desk, 'acme', { search: 'PROD' })).toEqual([mine.name])
    expect(await namesFound(desk, 'admin', { search: String(theirs.start) })).toEqual([theirs.name])
    expect(await namesFound(desk, 'admin', { search: 'oth' })).toEqual([theirs.name])
    expect(await namesFound(desk, 'admin', { search: theirs.id })).toEqual([theirs.name])
    for (const search of [theirs.id, String(theirs.start), 'other'])
      expect(await namesFound(desk, 'acme', { search }), search).toEqual([])
  })
})

describe('sorting keys', () => {
  it('176: goes through every order page by page, without a gap or a double, and never to another owner', async () => {
    const desk = await openDesk({ store: sqlite(temporaryFile()) })
    for (const name of ['b', 'A', 'c', 'a', 'B']) {
      await create(desk, name)
      await create(desk, `foreign ${name}`, 'other')
    }
    expect(await walk(desk, 'acme', { sort: 'newest' })).toEqual(['B', 'a', 'c', 'A', 'b'])
    expect(await walk(desk, 'acme', { sort: 'oldest' })).toEqual(['b', 'A', 'c', 'a', 'B'])
    expect(await walk(desk, 'acme', { sort: 'name' })).toEqual(['A', 'a', 'b', 'B', 'c'])
    expect(await walk(desk, 'acme', { sort: 'lastUsed' })).toEqual(['B', 'a', 'c', 'A', 'b'])
    for (const sort of SORTS) {
      const names = await walk(desk, 'admin', { sort, search: 'foreign' })
      expect([...names].sort(), sort).toEqual(['foreign A', 'foreign B', 'foreign a', 'foreign b', 'foreign c'])
    }
  })

  it('176: refuses a cursor of another sort or of nobody, and shows nothing foreign for a foreign one', async () => {
    const desk = await openDesk()
    for (const owner of ['acme', 'other', 'acme', 'other']) await create(desk, `key of ${owner}`, owner)
    const ask = (as: string, sort: string, cursor: string) =>
      desk.send(as, 'GET', `/keys?${new URLSearchParams({ sort, cursor })}`)
    for (const sort of SORTS) {
      const { nextCursor } = (await desk.send('other', 'GET', `/keys?limit=1&sort=${sort}`)).body
      for (const otherSort of SORTS.filter((each) => each !== sort))
        expect((await ask('other', otherSort, nextCursor)).status, `${sort} as ${otherSort}`).toBe(422)
      const forged = [
        nextCursor.slice(2),
        `${nextCursor}AAAA`,
        btoa(`["${sort}"]`),
        btoa(`["${sort}","key_1",{}]`),
        '{}',
      ]
      for (const cursor of forged) expect((await ask('other', sort, cursor)).status, cursor).toBe(422)
      const { body } = await ask('acme', sort, nextCursor)
      for (const { owner } of body.items) expect(owner).toBe('acme')
    }
  })

  it('shows last uses in their order, without a change to the key that was used', async () => {
    const desk = await openDesk()
    const [first, second] = [await create(desk, 'first'), await create(desk, 'second')]
    await create(desk, 'never')
    await desk.store.recordUses([
      { keyId: first.id, usedAt: new Date(2e12) },
      { keyId: second.id, usedAt: new Date(1e12) },
    ])
    expect(await walk(desk, 'acme', { sort: 'lastUsed' })).toEqual(['first', 'second', 'never'])
    expect((await desk.keyward.keys.get(first.id)).version).toBe(1)
  })
})

describe('the limits of a key', () => {
  it('are what is used and left in each window, and reading uses nothing', async () => {
    const policies = {
      default: [
        { limit: 5, windowSeconds: 60 },
        { limit: 9, windowSeconds: 3_600, per: 'owner' },
      ],
    } as const
    const desk = await openDesk({ keyward: { limits: { policies } } })
    const { id, apiKey } = await create(desk, 'busy')
    expect((await desk.keyward.verify({ apiKey, cost: 3 })).valid).toBe(true)
    for (let reading = 0; reading < 2; reading++) {
      const { status, body } = await desk.send('acme', 'GET', `/keys/${id}/limits`)
      expect(status).toBe(200)
      expect(body.items).toMatchObject([
        { policy: 'default', per: 'key', limit: 5, windowSeconds: 60, used: 3, remaining: 2 },
        { policy: 'default', per: 'owner', limit: 9, windowSeconds: 3_600, used: 3, remaining: 6 },
      ])
      for (const { resetAt } of body.items) expect(Date.parse(resetAt)).toBeGreaterThan(Date.now())
    }
  })

  it('are an empty list for a key without policies, and 404 for what is no key', async () => {
    const desk = await openDesk()
    const { id } = await create(desk, 'free')
    expect((await desk.send('acme', 'GET', `/keys/${id}/limits`)).body).toEqual({ items: [] })
    expect((await desk.send('acme', 'GET', '/keys/key_0/limits')).status).toBe(404)
  })
})
