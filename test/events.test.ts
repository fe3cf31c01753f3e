import { createKeyward, type KeywardEvent, memory, type Observer } from 'keyward'
import { describe, expect, it } from 'vitest'
import { createTestKeyward } from '../src/testing/test-keyward.ts'
import { outcomeOf, visit } from './visit.ts'

describe('an observer', () => {
  it('is told of everything that happens, in order, with facts', async () => {
    const { keyward, events, createKey } = createTestKeyward({ clientAddress: 'peer' })
    const { apiKey, id } = await createKey({ owner: 'acme' })
    const admitted = await visit(keyward, apiKey, { peer: '192.0.2.1', cost: 3 })
    const context = { actor: { id: 'usr_1', owner: 'acme', scopes: [] } }
    await keyward.keys.disable(id, context)
    const denied = await visit(keyward, apiKey, { peer: '::ffff:192.0.2.1' })
    expect(events).toEqual([
      { type: 'changed', action: 'key.created', keyId: id, owner: 'acme', actor: null, version: 1, fenced: true },
      { type: 'admitted', requestId: admitted.requestId, keyId: id, owner: 'acme', cost: 3, durationMs: 0 },
      { type: 'changed', action: 'key.disabled', keyId: id, owner: 'acme', actor: 'usr_1', version: 2, fenced: true },
      { type: 'stale', requestId: denied.requestId, keyId: id, version: 1 },
      {
        type: 'denied',
        requestId: denied.requestId,
        code: 'invalid_api_key',
        reason: 'key_disabled',
        keyId: id,
        owner: 'acme',
        address: '192.0.2.1',
        durationMs: 0,
      },
    ] satisfies KeywardEvent[])
  })

  it.each([
    [
      'throws',
      () => {
        throw new Error('the log is full')
      },
    ],
    ['rejects', () => Promise.reject(new Error('the log is full'))],
  ] satisfies [string, Observer][])('240: that %s breaks nothing', async (_how, onEvent) => {
    const keyward = createKeyward({ store: memory({ losesDataOnExit: true }), onEvent })
    const { apiKey, id } = await keyward.keys.create({ owner: 'a', name: 'x' })
    expect(await outcomeOf(keyward, apiKey)).toBe('admitted')
    await keyward.keys.revoke(id)
    expect(await outcomeOf(keyward, apiKey)).toBe('invalid_api_key')
    await keyward.close()
  })
})
