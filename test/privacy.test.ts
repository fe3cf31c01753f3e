import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { inspect } from 'node:util'
import * as face from 'keyward'
import { sqlite } from 'keyward/sqlite'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { createTestClock } from '../src/testing/test-clock.ts'
import { createTestKeyward } from '../src/testing/test-keyward.ts'
import { chainOf } from './audit-chain.ts'
import { temporaryFile } from './stores/sqlite/temporary-files.ts'
import { headWith, visit } from './visit.ts'

const total = 1_000
vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 })
const peppers = [
  { version: 1, secret: 'pepper-one-0123456789abcdef0123456789' },
  { version: 2, secret: 'pepper-two-0123456789abcdef0123456789' },
]

/** Everything that a run had in hand, and the secrets that must be nowhere in it. */
const run = {
  file: temporaryFile(),
  secrets: new Set<string>(),
  found: [] as unknown[],
  close: async () => {},
}

function dumpOfFiles(): string {
  const names = [run.file, `${run.file}-wal`, `${run.file}-shm`].filter((name) => existsSync(name))
  return names.map((name) => readFileSync(name, 'latin1')).join('\n')
}

/** Names the first secrets that a text holds: whole, or the part of a key that no list shows. */
function leaksIn(text: string): readonly string[] {
  return [...run.secrets].filter((secret) => text.includes(secret)).slice(0, 3)
}

/** Every way in which a value is printed by accident. */
function printed(value: unknown): string {
  return [
    inspect(value, { depth: Number.POSITIVE_INFINITY, showHidden: true, getters: true, maxArrayLength: null }),
    inspect(value),
    JSON.stringify(value) ?? '',
    String(value),
    value instanceof Error ? `${value.stack}${printed(value.cause)}` : '',
  ].join('\n')
}

beforeAll(async () => {
  const clock = createTestClock()
  const store = sqlite(run.file, { clock, noticeMs: 0 })
  const policies = { default: [{ limit: 5, windowSeconds: 60 }], none: [{ limit: 0, windowSeconds: 60 }] }
  const { keyward, events, createKey } = createTestKeyward({ store, keys: { peppers }, limits: { policies } }, clock)
  run.close = () => keyward.close()
  for (const { secret } of peppers) run.secrets.add(secret)
  const learn = (apiKey: string) => {
    run.secrets.add(apiKey.slice(12))
    for (const encoding of ['hex', 'base64url'] as const)
      run.secrets.add(createHash('sha256').update(apiKey).digest(encoding))
    return apiKey
  }
  const see = async (work: Promise<unknown>) => void run.found.push(await work.catch((error: unknown) => error))

  for (let count = 0; count < total; count++) {
    const created = await createKey({ owner: `o${count % 3}`, scopes: ['read'] })
    learn(created.apiKey)
    const rotated = await keyward.keys.rotate(created.id, { graceSeconds: 60 })
    learn(rotated.apiKey)
    const old = learn(keyward.profile.keyFormat.make())
    const digest = createHash('sha256').update(old).digest('hex')
    await see(keyward.keys.import({ owner: 'o1', name: 'old', digest }))
    if (count % 20 !== 0) continue
    await see(keyward.keys.import({ owner: 'o1', name: 'again', digest }))
    await see(keyward.keys.import({ owner: 'o1', name: 'bad', digest: `${digest}0` }))
    await see(keyward.keys.update(created.id, { scopes: ['a"b'] }))
    await see(keyward.keys.update(created.id, { metadata: { note: 'seen' } }))
    await see(keyward.keys.rotate(created.id))
    await see(keyward.keys.get(rotated.id))
    await see(store.listPolicies())
    const context = keyward.receive(headWith(rotated.apiKey))
    run.found.push(await keyward.admit(context, keyward.route()), context)
    for (const apiKey of [created.apiKey, old, learn(keyward.profile.keyFormat.make()), `${old}x`])
      for (const route of [{}, { scopes: ['write'] }, { policies: ['none'] }, { policies: ['gone'] }])
        run.found.push(await visit(keyward, apiKey, route), await keyward.verify({ apiKey, ...route }))
    await see(keyward.keys.disable(rotated.id))
    run.found.push(await visit(keyward, rotated.apiKey))
    await see(keyward.keys.purge(created.id))
  }
  for (const owner of ['o0', 'o1', 'o2', '']) run.found.push(...(await chainOf(store, owner)))
  run.found.push(...events, keyward, store, (await keyward.keys.list({ limit: 100 })).items)
})

afterAll(() => run.close())

describe('API keys, their plain digests and peppers', () => {
  it('42: are nowhere in the files of the store, while it is open', () => {
    const dump = dumpOfFiles()
    expect(dump.length).toBeGreaterThan(100_000)
    expect(leaksIn(dump)).toEqual([])
  })

  it('246: are nowhere in what is printed of any key, denial, identity, event, error or audit entry', () => {
    expect(run.found.length).toBeGreaterThan(total)
    for (const value of run.found) expect(leaksIn(printed(value))).toEqual([])
  })

  it('246: are not in digests that are shown: no view, event or entry has one', async () => {
    const store = sqlite(run.file, { noticeMs: 0 })
    await store.open()
    const records = await store.list({ owner: undefined, beforeId: undefined, limit: 1_000, conditions: [] })
    await store.close()
    expect(records.length).toBeGreaterThanOrEqual(Math.min(1_000, total * 2))
    for (const record of records) expect(leaksIn(printed(record))).toEqual([])
    const shown = run.found.map(printed).join('\n')
    for (const { digest } of records.slice(0, 300)) expect(shown.includes(digest)).toBe(false)
  })

  it('246: are nowhere in what is printed of what is exported', () => {
    for (const value of Object.values(face)) expect(leaksIn(printed(value))).toEqual([])
  })

  it('are nowhere in the files once the store is closed', async () => {
    await run.close()
    expect(leaksIn(dumpOfFiles())).toEqual([])
  })
})
