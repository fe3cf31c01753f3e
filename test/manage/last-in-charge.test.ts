import type { Keyward } from 'keyward'
import type { ManageOptions } from 'keyward/manage'
import { describe, expect, it } from 'vitest'
import { type Desk, openDesk } from './desk.ts'

/** Lets in whoever shows a key, as an actor of the key's owner with the key's scopes. */
function byKey(keyward: Keyward): ManageOptions['authorize'] {
  return async (request) => {
    const identity = await keyward.authenticate(request.headers)
    if (identity.denied) return undefined
    return { id: identity.keyId, owner: identity.owner, scopes: identity.scopes }
  }
}

const MANAGER = ['keyward:keys:read', 'keyward:keys:write']

async function openKeyDesk(): Promise<
  Desk & { create: (scopes?: readonly string[], owner?: string) => ReturnType<Keyward['keys']['create']> }
> {
  const desk = await openDesk({ authorize: byKey })
  return {
    ...desk,
    create: (scopes = MANAGER, owner = 'acme') =>
      desk.keyward.keys.create({ name: 'a key', owner, scopes: [...scopes] }),
  }
}

const ENDINGS = [
  ['revokes itself', 'POST', '/revoke', undefined, { force: true }, ''],
  ['disables itself', 'POST', '/disable', undefined, { force: true }, ''],
  ['deletes itself', 'DELETE', '', undefined, undefined, '?force=true'],
  ['purges itself', 'DELETE', '?purge=true', undefined, undefined, '&force=true'],
] as const

describe('the last management key', () => {
  it.each(ENDINGS)(
    '185: that %s is 409 without force, then 200, and its next call 401',
    async (_, method, tail, body, forced, query) => {
      const desk = await openKeyDesk()
      const { id, apiKey } = await desk.create()
      await desk.create(['tasks:write'])
      await desk.create(['*'], 'other')
      const revoked = await desk.create(['*'])
      await desk.keyward.keys.revoke(revoked.id)
      const path = `/keys/${id}${tail}`
      const refused = await desk.send(apiKey, method, path, body)
      expect(refused.status).toBe(409)
      expect(refused.body.error.code).toBe('conflict')
      expect((await desk.keyward.keys.get(id)).state).toBe('active')
      expect((await desk.send(apiKey, method, path + query, forced)).status).toBe(200)
      expect((await desk.send(apiKey, 'GET', '/keys')).status).toBe(401)
    },
  )

  it('185: ends itself as it likes while another key can manage', async () => {
    const desk = await openKeyDesk()
    const { id, apiKey } = await desk.create()
    await desk.create(['*'])
    expect((await desk.send(apiKey, 'POST', `/keys/${id}/revoke`)).status).toBe(200)
    expect((await desk.send(apiKey, 'GET', '/keys')).status).toBe(401)
  })

  it('185: is not ended among others either, by its id or with all of its owner', async () => {
    const desk = await openKeyDesk()
    const { id, apiKey } = await desk.create()
    const another = await desk.create(['*'])
    const end = (selection: object) => desk.send(apiKey, 'POST', '/keys/bulk', { action: 'revoke', ...selection })
    expect((await end({ owner: 'acme' })).status).toBe(409)
    expect((await end({ ids: [id, another.id] })).status).toBe(409)
    expect((await end({ ids: [another.id] })).status).toBe(200)
    expect((await end({ ids: [id] })).status).toBe(409)
    expect((await end({ owner: 'acme', force: true })).status).toBe(200)
    expect((await desk.send(apiKey, 'GET', '/keys')).status).toBe(401)
  })

  it('185: cannot narrow itself at all, and may be ended by others', async () => {
    const desk = await openKeyDesk()
    const { id, apiKey } = await desk.create()
    expect((await desk.send(apiKey, 'PATCH', `/keys/${id}`, { scopes: [] })).status).toBe(403)
    const host = await openDesk({ store: desk.store })
    expect((await host.send('acme', 'POST', `/keys/${id}/revoke`)).status).toBe(200)
  })

  it('185: is found among more than a page of keys', async () => {
    const desk = await openKeyDesk()
    const other = await desk.create()
    const { id, apiKey } = await desk.create()
    for (let at = 0; at < 120; at++) await desk.create([])
    expect((await desk.send(apiKey, 'POST', `/keys/${id}/disable`)).status).toBe(200)
    expect((await desk.send(other.apiKey, 'POST', `/keys/${other.id}/disable`)).status).toBe(409)
  })
})
