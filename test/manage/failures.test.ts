import { type KeyStore, memory, StoreConflictError, StoreUnavailableError } from 'keyward'
import { describe, expect, it } from 'vitest'
import { openDesk } from './desk.ts'
import { mountNames, mounts } from './mounts.ts'

const LEAK = 'INSERT INTO keyward_keys failed: postgres://admin:hunter2@db.internal/keys at /srv/app/node_modules/pg'
const ID = `key_${'0'.repeat(26)}`

/** A store of which every method fails in one way, but for opening. */
function brokenStore(error: Error): KeyStore {
  const fail = () => Promise.reject(error)
  const broken = { findById: fail, findByDigest: fail, list: fail, commit: fail, setPolicy: fail, listAudit: fail }
  return { ...memory({ losesDataOnExit: true }), ...broken }
}

describe.each(mountNames)('a failure behind the management API on %s', (name) => {
  it.each([
    ['anything', new Error(LEAK), 503, 'service_unavailable'],
    ['a status of somebody else', Object.assign(new Error(LEAK), { status: 401 }), 503, 'service_unavailable'],
    ['no answer of the store', new StoreUnavailableError(LEAK, { cause: new Error(LEAK) }), 503, 'service_unavailable'],
    ['a conflict', new StoreConflictError(LEAK), 409, 'conflict'],
  ])('is answered without a word of what it was: %s (row 187)', async (_what, error, status, code) => {
    const { send } = await openDesk({ store: brokenStore(error), mount: mounts[name] })
    for (const [method, path, body] of [
      ['GET', '/keys'],
      ['GET', `/keys/${ID}`],
      ['POST', '/keys', { name: 'a', owner: 'acme' }],
      ['PATCH', `/keys/${ID}`, { name: 'b' }],
      ['DELETE', `/keys/${ID}`],
      ['POST', `/keys/${ID}/rotate`, {}],
      ['PUT', '/policies/default', { windows: [{ limit: 1, windowSeconds: 1 }] }],
    ] as const) {
      const answer = await send('admin', method, path, body)
      expect(answer.status, `${method} ${path}`).toBe(status)
      expect(answer.body.error.code).toBe(code)
      expect(answer.body.error.request_id).toBe(answer.headers.get('x-request-id'))
      for (const secret of ['hunter2', 'INSERT', 'postgres', 'node_modules', 'keyward_keys', 'at /', '.ts'])
        expect(answer.text + JSON.stringify([...answer.headers])).not.toContain(secret)
    }
  })
})

describe('a store that cannot be opened', () => {
  it('makes every management call 503, and is tried again later', async () => {
    const store = memory({ losesDataOnExit: true })
    let isDown = true
    const open = () => (isDown ? Promise.reject(new StoreUnavailableError(LEAK)) : store.open())
    const { send } = await openDesk({ store: { ...store, open } })
    expect((await send('admin', 'GET', '/keys')).status).toBe(503)
    isDown = false
    await expect.poll(async () => (await send('admin', 'GET', '/keys')).status).toBe(200)
  })
})
