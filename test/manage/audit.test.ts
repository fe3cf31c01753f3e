import { connect } from 'node:net'
import { memory, StoreUnavailableError } from 'keyward'
import { describe, expect, it } from 'vitest'
import { entryAt } from '../audit/entries.ts'
import { openDesk } from './desk.ts'
import { mountNames, mounts } from './mounts.ts'

const NOW = Date.UTC(2026, 0, 1)

describe.each(mountNames)('the audit routes on %s', (name) => {
  const open = (store = memory({ losesDataOnExit: true })) => openDesk({ mount: mounts[name], store })

  it('list entries by filters, page by page', async () => {
    const { send, store } = await open()
    await store.appendAudit([0, 1, 2].map((each) => entryAt(NOW + each, { keyId: `key_${each}`, requestId: 'req_1' })))
    await store.appendAudit([entryAt(NOW, { owner: 'other' })])
    const first = await send('acme', 'GET', '/audit?limit=2')
    expect(first.status).toBe(200)
    expect(first.headers.get('cache-control')).toBe('no-store')
    expect(first.body.items.map(({ keyId }: { keyId: string }) => keyId)).toEqual(['key_2', 'key_1'])
    expect(first.body.items[0]).toEqual({
      ...{ owner: 'acme', sequence: 3, at: '2026-01-01T00:00:00.002Z', action: 'key.updated', keyId: 'key_2' },
      ...{ actor: 'ada', address: '192.0.2.1', requestId: 'req_1', details: {} },
      previousHash: first.body.items[1].hash,
      hash: expect.stringMatching(/^[0-9a-f]{64}$/),
    })
    const next = await send('acme', 'GET', `/audit?limit=2&cursor=${encodeURIComponent(first.body.nextCursor)}`)
    expect(next.body).toMatchObject({ items: [{ sequence: 1 }], nextCursor: null })
    const stretch = 'from=2026-01-01T00:00:00.001Z&to=2026-01-01T01:00:00.002%2B01:00'
    expect((await send('admin', 'GET', `/audit?${stretch}`)).body.items).toMatchObject([{ keyId: 'key_1' }])
    expect((await send('admin', 'GET', '/audit?keyId=key_0')).body.items).toHaveLength(1)
    expect((await send('admin', 'GET', '/audit?action=key.revoked')).body.items).toEqual([])
    for (const query of ['from=yesterday', 'limit=101', 'cursor=x', 'format=csv', 'owner=a&owner=b'])
      expect((await send('admin', 'GET', `/audit?${query}`)).status, query).toBe(422)
  })

  it('verify a chain', async () => {
    const { send, store } = await open()
    await store.appendAudit([entryAt(NOW), entryAt(NOW)])
    const { status, body } = await send('acme', 'GET', '/audit/verify')
    expect(status).toBe(200)
    expect(body).toMatchObject({ owner: 'acme', isIntact: true, goodThroughSequence: 2, headSequence: 2, broken: null })
    expect((await send('admin', 'GET', '/audit/verify')).status).toBe(422)
  })

  it.each([
    ['jsonl', 'application/jsonl; charset=utf-8'],
    ['csv', 'text/csv; charset=utf-8; header=present'],
  ])('export a file in parts: %s', async (format, contentType) => {
    const { send, store, keyward } = await open()
    const details = { text: 'x'.repeat(500) }
    await store.appendAudit(Array.from({ length: 3_000 }, () => entryAt(NOW, { details, actor: '=1+1' })))
    let expected = ''
    for await (const part of keyward.audit.export({ format: format as 'csv', owner: 'acme' })) expected += part
    const { status, headers, text } = await send('acme', 'GET', `/audit/export?format=${format}`)
    expect(status).toBe(200)
    expect(headers.get('content-type')).toBe(contentType)
    expect(headers.get('content-disposition')).toMatch(
      new RegExp(`^attachment; filename="audit-\\d{4}-\\d\\d-\\d\\d\\.${format}"$`),
    )
    expect(headers.get('cache-control')).toBe('no-store')
    expect(headers.get('content-length')).toBeNull()
    expect(headers.get('x-request-id')).toMatch(/^req_/)
    expect(text).toBe(expected)
    expect((await send('acme', 'HEAD', '/audit/export')).text).toBe('')
    expect((await send('acme', 'GET', '/audit/export?format=xml')).status).toBe(422)
  })

  it('have nothing that changes an entry (row 251)', async () => {
    const { send, store } = await open()
    await store.appendAudit([entryAt(NOW)])
    for (const path of ['/audit', '/audit/export', '/audit/verify'])
      for (const method of ['POST', 'PUT', 'PATCH', 'DELETE']) {
        const answer = await send('admin', method, path)
        expect(answer.status, `${method} ${path}`).toBe(405)
        expect(answer.headers.get('allow')).toBe('GET, HEAD')
      }
    expect(await store.listAudit('acme', 0, 10)).toHaveLength(1)
  })

  it('answer 503 where an export cannot begin, and break off one that cannot go on', async () => {
    const store = memory({ losesDataOnExit: true })
    let [reads, failsAt] = [0, 1]
    const { queryAudit } = store
    store.queryAudit = async (query) => {
      reads += 1
      if (reads === failsAt) throw new StoreUnavailableError('away')
      return queryAudit(query)
    }
    const { send } = await open(store)
    await store.appendAudit(Array.from({ length: 1_200 }, () => entryAt(NOW)))
    expect((await send('acme', 'GET', '/audit/export')).status).toBe(503)
    failsAt = reads + 2
    await expect(send('acme', 'GET', '/audit/export')).rejects.toThrow()
  })

  it('stop reading when the client has gone', async () => {
    const store = memory({ losesDataOnExit: true })
    let reads = 0
    const { queryAudit } = store
    store.queryAudit = async (query) => {
      reads += 1
      return queryAudit(query)
    }
    const { port } = await open(store)
    const details = { text: 'x'.repeat(20_000) }
    await store.appendAudit(Array.from({ length: 6_000 }, () => entryAt(NOW, { details })))
    const socket = connect(port, '127.0.0.1')
    socket.write('GET /manage/audit/export HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer acme\r\n\r\n')
    await new Promise((resolve) => socket.once('readable', resolve))
    const seen = await settled(() => reads)
    expect(seen).toBeLessThan(12)
    socket.destroy()
    expect(await settled(() => reads)).toBeLessThan(12)
  })
})

/** Waits until a count has stood still for a moment. */
async function settled(count: () => number): Promise<number> {
  for (let before = -1; before !== count(); ) {
    before = count()
    await new Promise((resolve) => setTimeout(resolve, 300))
  }
  return count()
}
