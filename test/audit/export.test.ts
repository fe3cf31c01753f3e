import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { type AuditDraft, createKeyward, type KeyStore } from 'keyward'
import { sqlite } from 'keyward/sqlite'
import { createTestClock } from 'keyward/testing'
import { describe, expect, it, onTestFinished } from 'vitest'
import { storeKinds } from '../store-kinds.ts'
import { temporaryFile } from '../stores/sqlite/temporary-files.ts'
import { entryAt } from './entries.ts'

const NAMES = [
  'owner',
  'sequence',
  'at',
  'action',
  'keyId',
  'actor',
  'address',
  'requestId',
  'details',
  'previousHash',
  'hash',
]

async function open(store: KeyStore) {
  const keyward = createKeyward({ store })
  onTestFinished(() => keyward.close())
  await keyward.audit.list()
  return keyward
}

async function textOf(parts: AsyncIterable<string>): Promise<string> {
  let text = ''
  for await (const part of parts) text += part
  return text
}

/** Reads CSV as RFC 4180 has it, and refuses what it has not. */
function parseCsv(text: string): readonly (readonly string[])[] {
  expect(text.endsWith('\r\n')).toBe(true)
  const rows: string[][] = [[]]
  const cells = /"((?:[^"]|"")*)"(,|\r\n)/gy
  for (let cell = cells.exec(text); cell !== null; cell = cells.exec(text)) {
    rows.at(-1)?.push((cell[1] ?? '').replaceAll('""', '"'))
    if (cell[2] === '\r\n') rows.push([])
    if (cells.lastIndex === text.length) return rows.slice(0, -1)
  }
  throw new Error('This is no CSV.')
}

describe.each(storeKinds)('the export of audit entries in %s', (_, createStore) => {
  it('is JSON Lines with every field, newest first, of exactly the entries that filters name', async () => {
    const clock = createTestClock()
    const store = createStore(clock)
    const keyward = await open(store)
    const details = { before: { name: 'a\nb\u2028' }, after: { name: '東京 🚀' } }
    await store.appendAudit([
      entryAt(clock.now(), { details }),
      entryAt(clock.now(), { owner: 'other' }),
      entryAt(clock.now(), { action: 'key.created' }),
    ])
    const lines = (await textOf(keyward.audit.export({ format: 'jsonl', owner: 'acme' }))).split('\n')
    expect(lines.pop()).toBe('')
    const { items } = await keyward.audit.list({ owner: 'acme' })
    expect(lines.map((line) => JSON.parse(line))).toEqual(JSON.parse(JSON.stringify(items)))
    expect(Object.keys(JSON.parse(lines[0] ?? ''))).toEqual(NAMES)
    const created = await textOf(keyward.audit.export({ format: 'jsonl', action: 'key.created' }))
    expect(created.split('\n')).toHaveLength(2)
    const acme = { actor: { id: 'a', owner: 'other', scopes: [] } }
    expect(await textOf(keyward.audit.export({ format: 'jsonl' }, acme))).toMatch(/^\{"owner":"other"[^\n]*\n$/)
    expect(await textOf(keyward.audit.export({ format: 'jsonl', owner: 'nobody' }))).toBe('')
  })

  it('is CSV in which no cell is a formula, whatever people are called', async () => {
    const clock = createTestClock()
    const store = createStore(clock)
    const keyward = await open(store)
    const hostile = [
      '=HYPERLINK("http://evil.example","x")',
      '+1+1',
      "-2+3+cmd|' /C calc'!A0",
      '@SUM(1,2)',
      '\t=1',
      '\r=1',
      '\n=1',
      ' =1',
      '＝1+1',
      '＠SUM(1)',
      '"=1',
      'a","=1',
      'a\r\n=1,b',
    ]
    const harmless = ['Ada', "O'Brien", 'a=b', '1-2', '東京', '']
    const actors = [...hostile, ...harmless]
    const drafts: readonly AuditDraft[] = actors.map((actor) =>
      entryAt(clock.now(), { actor, details: { name: actor } }),
    )
    await store.appendAudit(drafts)
    const text = await textOf(keyward.audit.export({ format: 'csv' }))
    const [head, ...rows] = parseCsv(text)
    expect(head).toEqual(NAMES)
    expect(rows).toHaveLength(actors.length)
    for (const [index, row] of rows.toReversed().entries()) {
      const actor = actors[index] ?? ''
      const isFormula = index < 10
      expect(row[5], JSON.stringify(actor)).toBe(isFormula ? `'${actor}` : actor)
      expect(JSON.parse(row[8] ?? '')).toEqual({ name: actor })
      expect(row[2]).toBe(new Date(clock.now()).toISOString())
    }
    for (const row of [head ?? [], ...rows])
      for (const cell of row) expect(cell).not.toMatch(/^[\s\0]*[=+\-@＝＋－＠]|^[\t\r\n\0]/)
  })

  it('reads a page only when it is asked for, and no more once nobody listens', async () => {
    const clock = createTestClock()
    const store = createStore(clock)
    let reads = 0
    const { queryAudit } = store
    store.queryAudit = (query) => {
      reads += 1
      expect(query.limit).toBeLessThanOrEqual(500)
      return queryAudit.call(store, query)
    }
    const keyward = await open(store)
    await store.appendAudit(Array.from({ length: 1_700 }, () => entryAt(clock.now())))
    reads = 0
    const parts = keyward.audit.export({ format: 'csv' })[Symbol.asyncIterator]()
    expect(reads).toBe(0)
    await parts.next()
    expect(reads).toBe(1)
    await parts.next()
    expect(reads).toBe(2)
    await parts.return?.()
    expect(reads).toBe(2)
    expect((await textOf(keyward.audit.export({ format: 'jsonl' }))).split('\n')).toHaveLength(1_701)
  })
})

describe('an export from SQLite', () => {
  it('lets the process do something else between two pages', async () => {
    const store = sqlite(temporaryFile())
    const keyward = await open(store)
    await store.appendAudit(Array.from({ length: 2_000 }, () => entryAt(store.clock.now())))
    let turns = 0
    const turn = () => {
      turns += 1
      next = setImmediate(turn)
    }
    let next = setImmediate(turn)
    onTestFinished(() => clearImmediate(next))
    const turnsAt: number[] = []
    for await (const _ of keyward.audit.export({ format: 'jsonl' })) turnsAt.push(turns)
    expect(turnsAt).toHaveLength(4)
    expect(new Set(turnsAt).size).toBe(4)
  })
})

describe('an export of 20,000 entries', () => {
  it('holds memory flat', async () => {
    setFlagsFromString('--expose-gc')
    const collect = runInNewContext('gc') as () => void
    const store = sqlite(temporaryFile())
    const keyward = await open(store)
    const details = { text: 'x'.repeat(1_000) }
    for (let batch = 0; batch < 20; batch++)
      await store.appendAudit(Array.from({ length: 1_000 }, () => entryAt(store.clock.now(), { details })))
    for (const format of ['jsonl', 'csv'] as const) {
      collect()
      const before = process.memoryUsage().heapUsed
      let [characters, most] = [0, 0]
      for await (const part of keyward.audit.export({ format })) {
        characters += part.length
        collect()
        most = Math.max(most, process.memoryUsage().heapUsed - before)
      }
      expect(characters).toBeGreaterThan(20_000_000)
      expect(most).toBeLessThan(6_000_000)
    }
    expect(await keyward.audit.verify({ owner: 'acme' })).toMatchObject({ isIntact: true, headSequence: 20_000 })
  })
})
