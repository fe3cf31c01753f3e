import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { createKeyward, type KeyChange } from 'keyward'
import { sqlite } from 'keyward/sqlite'
import { number, printTable, verdict } from './table.ts'

const keys = process.argv.includes('--quick') ? 10_000 : 100_000
const folder = mkdtempSync(join(tmpdir(), 'keyward-bench-'))
const store = sqlite(join(folder, 'keys.db'))
const keyward = createKeyward({ store })
try {
  const model = await keyward.keys.create({ owner: 'acme', name: 'bench' })
  const record = await store.findById(model.id)
  if (record === undefined) throw new Error('The key is not there.')
  for (let from = 1; from < keys; from += 500) {
    const changes = Array.from({ length: 500 }, (_, offset): KeyChange => {
      const id = `key_${(from + offset).toString().padStart(26, '0')}`
      const digest = (from + offset).toString().padStart(42, '0')
      const row = { ...record, id, lineage: id, digest: `${digest}A` }
      const { createdAt: at, owner } = row
      const audit = { owner, keyId: id, actor: null, address: null, requestId: null, at, details: {} }
      const shown = { ...audit, action: 'key.imported' as const }
      return { owner, lineage: id, expectedVersion: 0, put: [row], remove: [], audit: shown, unseen: true }
    })
    await store.commit(changes)
  }

  const pages: number[] = []
  let cursor: string | null = null
  do {
    const begunAt = performance.now()
    const page = await keyward.keys.list({ owner: 'acme', limit: 100, ...(cursor === null ? {} : { cursor }) })
    pages.push(performance.now() - begunAt)
    cursor = page.nextCursor
  } while (cursor !== null)
  pages.sort((one, other) => one - other)
  const pageMs = pages[Math.floor(pages.length * 0.99)] ?? 0

  const delay = monitorEventLoopDelay({ resolution: 5 })
  delay.enable()
  const begunAt = performance.now()
  const results = await keyward.keys.bulk('revoke', { owner: 'acme' })
  const seconds = (performance.now() - begunAt) / 1_000
  delay.disable()
  const revoked = results.filter((result) => result.ok && result.fenced).length
  const delayMs = delay.percentile(99) / 1e6

  printTable(
    `SQLite, ${number(keys)} keys of one owner`,
    ['', ''],
    [
      ['a page of 100 of the list, p99, ms', number(pageMs, 1)],
      ['revoke all of the owner’s keys, s', number(seconds, 1)],
      ['… of them revoked and fenced', number(revoked)],
      ['… delay of the event loop meanwhile, p99, ms', number(delayMs, 1)],
    ],
  )
  verdict('A page of the list, p99, ms', pageMs, 'at most', 50, 1)
  verdict('Delay of the event loop while all are revoked, p99, ms', delayMs, 'at most', 100, 1)
} finally {
  await keyward.close()
  rmSync(folder, { recursive: true })
}
