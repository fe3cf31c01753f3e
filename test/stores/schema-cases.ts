import { expect, it } from 'vitest'
import { ConfigError } from '../../src/model/errors.ts'
import type { StoreInspection } from '../../src/model/inspection.ts'
import type { KeyStore } from '../../src/model/key-store.ts'

/** An empty database, for one case. */
export interface SchemaPlace {
  /** A store over a client of its own. */
  createStore(): KeyStore
  /** Runs a statement beside the stores. */
  execute(statement: string): Promise<void>
  /** How many tables there are. */
  countTables(): Promise<number>
}

/** What tools find, and do, before any server has started: {@link KeyStore.inspect} and {@link KeyStore.migrate}. */
export function describeSchema(server: RegExp, makePlace: () => Promise<SchemaPlace>): void {
  /** Stores of the library have both. */
  const createStore = (place: SchemaPlace) =>
    place.createStore() as KeyStore & Required<Pick<KeyStore, 'inspect' | 'migrate'>>
  const schemaOf = ({ applied, pending, unknown }: StoreInspection) => ({ applied, pending, unknown })

  it('of an empty database is all to be applied, and a look makes nothing', async () => {
    const place = await makePlace()
    const found = await createStore(place).inspect()
    expect(found).toMatchObject({ applied: [], unknown: [], serving: null, server: expect.stringMatching(server) })
    expect(found.pending.slice(0, 2)).toEqual(['keys-001', 'audit-001'])
    expect(await place.countTables()).toBe(0)
  })

  it('is applied in order and by name, once, and then lacks nothing', async () => {
    const place = await makePlace()
    const store = createStore(place)
    const { pending } = await store.inspect()
    expect(await store.migrate()).toEqual(pending)
    expect(schemaOf(await store.inspect())).toEqual({ applied: pending, pending: [], unknown: [] })
    const tables = await place.countTables()
    expect(tables).toBeGreaterThan(0)
    expect(await store.migrate()).toEqual([])
    expect(await place.countTables()).toBe(tables)
    await store.open()
    expect(schemaOf(await store.inspect())).toEqual({ applied: pending, pending: [], unknown: [] })
    expect(await store.migrate()).toEqual([])
    await store.close()
  })

  it('that is older lacks what it says, and nothing else is applied', async () => {
    const place = await makePlace()
    const store = createStore(place)
    const all = await store.migrate()
    await place.execute('DROP TABLE keyward_outbox')
    await place.execute(`DELETE FROM keyward_migrations WHERE name = 'outbox-001'`)
    expect(schemaOf(await store.inspect())).toEqual({
      applied: all.filter((name) => name !== 'outbox-001'),
      pending: ['outbox-001'],
      unknown: [],
    })
    expect(await store.migrate()).toEqual(['outbox-001'])
    expect(schemaOf(await store.inspect())).toEqual({ applied: all, pending: [], unknown: [] })
    await store.open()
    expect(await store.listFences(1)).toEqual([])
    await store.close()
  })

  it('that is newer is named, and left as it is', async () => {
    const place = await makePlace()
    const store = createStore(place)
    const all = await store.migrate()
    await place.execute(`INSERT INTO keyward_migrations (name, applied_at) VALUES ('keys-999', 0)`)
    await place.execute('DROP TABLE keyward_outbox')
    await place.execute(`DELETE FROM keyward_migrations WHERE name = 'outbox-001'`)
    const tables = await place.countTables()
    const expected = {
      applied: all.filter((name) => name !== 'outbox-001'),
      pending: ['outbox-001'],
      unknown: ['keys-999'],
    }
    expect(schemaOf(await store.inspect())).toEqual(expected)
    const failure = await store.migrate().catch((error: unknown) => error)
    expect(failure).toBeInstanceOf(ConfigError)
    expect((failure as Error).message).toMatch(/newer than this version of keyward: keys-999/)
    expect(schemaOf(await store.inspect())).toEqual(expected)
    expect(await place.countTables()).toBe(tables)
  })

  it('is applied once where several migrate at once', async () => {
    const place = await makePlace()
    const stores = Array.from({ length: 4 }, () => createStore(place))
    const { pending } = await createStore(place).inspect()
    const applied = await Promise.all(stores.map((store) => store.migrate()))
    expect(applied.flat().toSorted()).toEqual(pending.toSorted())
    for (const store of stores)
      expect(schemaOf(await store.inspect())).toEqual({ applied: pending, pending: [], unknown: [] })
  })
}
