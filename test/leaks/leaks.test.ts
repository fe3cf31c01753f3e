import { createKeyFormat, createKeyward, type KeywardEvent, memory } from 'keyward'
import { describe, expect, it } from 'vitest'
import { cleanPlace } from '../../src/leaks/leak-place.ts'

const url = 'https://github.com/acme/app/blob/main/config.ts#L7'

function open() {
  const events: KeywardEvent[] = []
  const keyward = createKeyward({
    store: memory({ losesDataOnExit: true }),
    onEvent: (event) => events.push(event),
    keys: { accept: [createKeyFormat({ prefix: 'old_' })] },
  })
  return { keyward, events }
}

async function admitted(keyward: ReturnType<typeof open>['keyward'], apiKey: string): Promise<boolean> {
  return !(await keyward.authenticate({ authorization: `Bearer ${apiKey}` })).denied
}

describe('a report of leaked keys', () => {
  it('revokes each key once, with where it was found in the audit entry, and tells of it', async () => {
    const { keyward, events } = open()
    const { apiKey, id } = await keyward.keys.create({ owner: 'acme', name: 'leaked' })
    const other = await keyward.keys.create({ owner: 'acme', name: 'safe' })
    expect(await admitted(keyward, apiKey)).toBe(true)

    const match = { token: apiKey, type: 'acme_key', url, source: 'content' }
    const report = await keyward.leaks.report([match, { token: 'sk_no_key' }, { ...match, source: 'commit' }])

    expect(report.known).toEqual([true, false, true])
    expect(report.leaks).toMatchObject([{ key: { id, owner: 'acme', state: 'revoked' }, isNew: true, fenced: true }])
    expect(report.leaks[0]?.places).toEqual([
      { type: 'acme_key', url, source: 'content' },
      { type: 'acme_key', url, source: 'commit' },
    ])
    expect(await admitted(keyward, apiKey)).toBe(false)
    expect(await admitted(keyward, other.apiKey)).toBe(true)
    const { items } = await keyward.audit.list({ owner: 'acme', action: 'key.revoked' })
    expect(items).toMatchObject([{ keyId: id, details: { reason: 'leaked', places: report.leaks[0]?.places } }])
    expect((await keyward.audit.verify({ owner: 'acme' })).isIntact).toBe(true)
    expect(events.filter(({ type }) => type === 'leaked')).toEqual([
      { type: 'leaked', keyId: id, owner: 'acme', isNew: true, fenced: true },
    ])
  })

  it('changes nothing the second time, and still knows the key', async () => {
    const { keyward } = open()
    const { apiKey } = await keyward.keys.create({ owner: 'acme', name: 'leaked' })
    await keyward.leaks.report([{ token: apiKey }])
    const again = await keyward.leaks.report([{ token: apiKey }])
    expect(again).toMatchObject({ known: [true], leaks: [{ isNew: false, fenced: true, key: { state: 'revoked' } }] })
    expect((await keyward.audit.list({ owner: 'acme', action: 'key.revoked' })).items).toHaveLength(1)
  })

  it.each(['disable', 'delete'] as const)(
    'knows a key that was ended by %s, and never brings it back',
    async (action) => {
      const { keyward } = open()
      const { apiKey, id } = await keyward.keys.create({ owner: 'acme', name: 'ended' })
      await keyward.keys[action](id)
      const { known, leaks } = await keyward.leaks.report([{ token: apiKey }])
      expect(known).toEqual([true])
      expect(leaks).toMatchObject([
        action === 'delete' ? { isNew: false, key: { state: 'deleted' } } : { isNew: true, key: { state: 'revoked' } },
      ])
      await expect(keyward.keys.enable(id)).rejects.toMatchObject({ code: 'conflict' })
    },
  )

  it('finds keys under the pepper and under another format', async () => {
    const keyFormat = createKeyFormat({ prefix: 'old_' })
    const apiKey = keyFormat.make()
    const keyward = createKeyward({
      store: memory({ losesDataOnExit: true }),
      keys: { accept: [keyFormat], peppers: [{ version: 1, secret: 'p'.repeat(32) }] },
    })
    const created = await keyward.keys.create({ owner: 'acme', name: 'peppered' })
    const digest = Buffer.from(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(apiKey))).toString('hex')
    const imported = await keyward.keys.import({ owner: 'acme', name: 'imported', digest })
    const { leaks } = await keyward.leaks.report([{ token: created.apiKey }, { token: apiKey }])
    expect(leaks.map(({ key }) => key.id).sort()).toEqual([created.id, imported.id].sort())
  })

  it("is blind for other owners' keys where its actor is", async () => {
    const { keyward } = open()
    const { apiKey } = await keyward.keys.create({ owner: 'acme', name: 'foreign' })
    const actor = { id: 'scanner', owner: 'umbrella', scopes: [] }
    expect(await keyward.leaks.report([{ token: apiKey }], { actor })).toEqual({ known: [false], leaks: [] })
    expect(await admitted(keyward, apiKey)).toBe(true)
  })

  it('revokes 1,500 keys, more than one selection holds', async () => {
    const { keyward } = open()
    const keys = await Promise.all(
      Array.from({ length: 1_500 }, (_, at) => keyward.keys.create({ owner: `owner-${at % 7}`, name: `key ${at}` })),
    )
    const { known, leaks } = await keyward.leaks.report(keys.map(({ apiKey }) => ({ token: apiKey })))
    expect(known.every(Boolean)).toBe(true)
    expect(new Set(leaks.map(({ key }) => key.id)).size).toBe(1_500)
    expect((await keyward.keys.list({ state: 'active' })).items).toEqual([])
  })
})

describe('the place of a leak', () => {
  const showsKey = (text: string) => text.includes('sk_secret')

  it.each([
    ['an address without user info and query', 'https://me:pw@git.example/a?token=1#L7', 'https://git.example/a#L7'],
    ['no address that is not http', 'javascript:alert(1)', null],
    ['no address that is none', 'some_url', null],
    ['nothing of an address with the key in it', 'https://git.example/the_token', null],
    ['nothing of an address with another key in it', 'https://git.example/sk_secret', null],
    ['nothing of an empty one', '', null],
  ])('keeps %s', (_what, given, kept) => {
    expect(cleanPlace({ token: 'the_token', url: given }, showsKey).url).toBe(kept)
  })

  it('is cut, and has no invisible characters', () => {
    const match = {
      token: 'the_token',
      url: `https://git.example/${'a'.repeat(5_000)}`,
      source: `co\u202emm\0it${'!'.repeat(100)}`,
    }
    const { url: kept, source } = cleanPlace(match, () => false)
    expect(kept).toHaveLength(512)
    expect(source).toBe(`commit${'!'.repeat(58)}`)
  })
})
