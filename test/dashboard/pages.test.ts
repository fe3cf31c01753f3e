import type { Actor } from 'keyward'
import { describe, expect, it } from 'vitest'
import { alertsOf, openOne } from '../../src/testing/alert-store/samples.ts'
import { actorFromHeader, hiddenFields, openBoard } from './board.ts'

const ACTORS: Readonly<Record<string, Actor>> = {
  reader: { id: 'reader', owner: 'acme', scopes: ['keyward:keys:read'] },
  developer: { id: 'dev', owner: 'acme', scopes: ['keyward:keys:read', 'keyward:keys:write', 'tasks:read'] },
  other: { id: 'other', owner: 'other', scopes: ['*'] },
  nobody: { id: 'guest', owner: 'acme', scopes: [] },
}
const as = (name: string) => ({ 'x-test-actor': name })

async function stocked() {
  const board = await openBoard({
    dashboard: { authorize: actorFromHeader(ACTORS) },
    keyward: { credits: { account: 'key' } },
  })
  const key = await board.keyward.keys.create({ name: 'Payroll', owner: 'acme', scopes: ['tasks:read'] })
  return { ...board, key }
}

describe('a visitor with few scopes', () => {
  it('sees no button for what they may not do', async () => {
    const { newVisitor, key } = await stocked()
    const { text: list } = await newVisitor().get('/keys', as('reader'))
    expect(list).toContain('Payroll')
    expect(list).not.toContain('Create key')
    for (const place of ['usage', 'apps', 'audit', 'alerts']) expect(list).not.toContain(`href="/keys/${place}"`)
    const { text: page } = await newVisitor().get(`/keys/${key.id}`, as('reader'))
    for (const verb of ['Edit', 'Rotate', 'Disable', 'Revoke', 'Top up', 'Audit trail'])
      expect(page).not.toContain(`>${verb}<`)
  })

  it.each([
    ['', 'keyward:keys:read'],
    ['/new', 'keyward:keys:write'],
    ['/usage', 'keyward:usage:read'],
    ['/apps', 'keyward:usage:read'],
    ['/audit', 'keyward:audit:read'],
    ['/alerts', 'keyward:alerts:read'],
  ])('is told which scope a page needs: %s', async (path, scope) => {
    const { newVisitor } = await stocked()
    const { status, text } = await newVisitor().get(`/keys${path}`, as('nobody'))
    expect(status).toBe(403)
    expect(text).toContain(`This page needs the scope ${scope}`)
    expect(text).not.toContain('Payroll')
  })

  it('is refused what a form without a button would do, and the refusal is audited', async () => {
    const { newVisitor, key, store } = await stocked()
    const visitor = newVisitor()
    const { status, text } = await visitor.send(`/keys/${key.id}/revoke`, {}, as('reader'))
    expect(status).toBe(403)
    expect(text).toContain('Nothing was changed.')
    expect((await store.findById(key.id))?.revokedAt).toBeNull()
    const refused = (await store.listAudit('acme', 0, 10)).filter(({ action }) => action === 'manage.refused')
    expect(refused).toMatchObject([
      { actor: 'reader', keyId: key.id, details: { code: 'forbidden', route: '/keys/{id}/revoke' } },
    ])
    expect(text).toContain(refused[0]?.requestId ?? 'none')
  })

  it('creates keys of their own owner within their own ceiling', async () => {
    const { newVisitor, keyward } = await stocked()
    const visitor = newVisitor()
    const { text } = await visitor.get('/keys/new', as('developer'))
    expect(text).toContain('value="tasks:read"')
    expect(text).not.toContain('name="owner"')
    expect(text).not.toContain('name="more-scopes"')
    const made = await visitor.send('/keys/new', { name: 'Mine', scope: 'tasks:read', owner: 'other' }, as('developer'))
    expect(made.status).toBe(201)
    const refused = await visitor.send('/keys/new', { name: 'More', scope: 'tasks:write' }, as('developer'))
    expect(refused.status).toBe(403)
    const { items } = await keyward.keys.list()
    expect(items.map(({ name, owner, scopes }) => [name, owner, scopes])).toEqual([
      ['Mine', 'acme', ['tasks:read']],
      ['Payroll', 'acme', ['tasks:read']],
    ])
  })

  it("finds another owner's key nowhere", async () => {
    const { newVisitor, key, store } = await stocked()
    const visitor = newVisitor()
    for (const path of [`/${key.id}`, `/${key.id}/edit`, `/${key.id}/revoke`, `/${key.id}/rotate`]) {
      const { status, text } = await visitor.get(`/keys${path}`, as('other'))
      expect(status, path).toBe(404)
      expect(text, path).not.toContain('Payroll')
    }
    const token = hiddenFields((await visitor.get('/keys', as('other'))).text)['token'] ?? ''
    for (const action of ['revoke', 'disable', 'delete', 'purge', 'rotate', 'edit'])
      expect(
        (await visitor.post(`/keys/${key.id}/${action}`, { token, name: 'Payroll', once: 'x' }, as('other'))).status,
        action,
      ).not.toBe(200)
    expect(await store.findById(key.id)).toMatchObject({
      revokedAt: null,
      disabledAt: null,
      deletedAt: null,
      version: 1,
    })
    expect((await visitor.get('/keys', as('other'))).text).not.toContain('Payroll')
  })
})

describe('the pages', () => {
  it('say under its field what is wrong with it, and keep what was typed', async () => {
    const { admin, keyward } = await stocked()
    const visitor = await admin()
    const wrong = await visitor.send('/keys/new', { name: 'Typed', owner: 'acme', addresses: 'nowhere' })
    expect(wrong.status).toBe(422)
    expect(wrong.text).toContain('value="Typed"')
    expect(wrong.text).toMatch(/class="wrong" role="alert">This must/)
    expect((await keyward.keys.list()).items).toHaveLength(1)
  })

  it('page through a long list, search it, and sort it', async () => {
    const { admin, keyward } = await stocked()
    for (let count = 0; count < 30; count++) await keyward.keys.create({ name: `Render ${count}`, owner: 'acme' })
    const visitor = await admin()
    const { text: first } = await visitor.get('/keys')
    expect(first).not.toContain('Payroll')
    const [, next = ''] = /href="([^"]+)" rel="next"/.exec(first) ?? []
    expect((await visitor.get(next.replaceAll('&amp;', '&'))).text).toContain('Payroll')
    const { text: found } = await visitor.get('/keys?search=payr')
    expect(found.match(/<th scope="row"/g)).toHaveLength(1)
    expect((await visitor.get('/keys?sort=oldest')).text).toContain('Payroll')
    expect((await visitor.get('/keys?state=revoked')).text).toContain('No key fits.')
    expect((await visitor.get('/keys?state=nonsense')).status).toBe(422)
  })

  it('change a key, but not one that somebody else has changed meanwhile', async () => {
    const { admin, keyward, key } = await stocked()
    const visitor = await admin()
    const { text: form } = await visitor.get(`/keys/${key.id}/edit`)
    const fields = {
      ...hiddenFields(form),
      name: 'Renamed',
      scopes: 'tasks:read tasks:write',
      expiry: '30d',
      addresses: '',
    }
    expect((await visitor.post(`/keys/${key.id}/edit`, fields)).text).toContain('Saved. Every instance goes by it.')
    expect(await keyward.keys.get(key.id)).toMatchObject({ name: 'Renamed', scopes: ['tasks:read', 'tasks:write'] })
    const late = await visitor.post(`/keys/${key.id}/edit`, { ...fields, name: 'Too late' })
    expect(late.status).toBe(412)
    expect(late.text).toContain('Somebody was faster')
    expect((await keyward.keys.get(key.id)).name).toBe('Renamed')
  })

  it('top up once, however often the form is sent', async () => {
    const { admin, keyward, key } = await stocked()
    const visitor = await admin()
    const { text: form } = await visitor.get(`/keys/${key.id}/top-up`)
    for (let count = 0; count < 3; count++) {
      const { text } = await visitor.post(`/keys/${key.id}/top-up`, {
        ...hiddenFields(form),
        amount: '1 000',
        reason: 'Gift',
      })
      expect(text).toContain('The balance is 1,000.')
    }
    expect((await keyward.credits.get({ keyId: key.id })).balance).toBe(1_000)
    expect((await visitor.send(`/keys/${key.id}/top-up`, { amount: '-5' })).status).toBe(422)
  })

  it('say exactly what the gate has acknowledged', async () => {
    const { admin, keyward, key } = await stocked()
    const visitor = await admin()
    const { text } = await visitor.send(`/keys/${key.id}/disable`)
    expect(text).toContain('Disabled. No instance accepts it.')
    expect((await visitor.send(`/keys/${key.id}/enable`)).text).toContain('Enabled. Every instance accepts it again.')
    expect((await keyward.keys.get(key.id)).state).toBe('active')
    expect((await visitor.send(`/keys/${key.id}/delete`)).text).toContain('Deleted. No instance accepts it.')
    expect((await keyward.keys.get(key.id)).state).toBe('deleted')
  })

  it('count what was used, and say before a key is revoked how many requests will start to fail', async () => {
    const { admin, keyward, key } = await stocked()
    for (let count = 0; count < 12; count++) await keyward.verify({ apiKey: key.apiKey })
    await keyward.usage.flush()
    const visitor = await admin()
    expect((await visitor.get(`/keys/${key.id}/revoke`)).text).toContain(
      '12 requests in the last hour will start to fail.',
    )
    const { text } = await visitor.get('/keys/usage')
    expect(text).toContain('Top keys')
    expect(text).toContain('Payroll')
    expect((await visitor.get('/keys')).text).toContain('12 requests in 24 hours')
  })

  it('verify the chain of an owner, and export what the address filters', async () => {
    const { admin, store } = await stocked()
    const visitor = await admin()
    const { text } = await visitor.get('/keys/audit/verify?owner=acme')
    expect(text).toContain('Chain verified up to #1. Nothing was edited or removed.')
    const listed = await visitor.get('/keys/audit?action=key.created&owner=acme')
    expect(listed.text).toContain('Created the key')
    expect(listed.text).toContain('action=key.created&amp;format=csv')
    expect((await store.listAudit('acme', 0, 10)).length).toBe(1)
  })

  it('show open alerts with their reason and picture, acknowledge and snooze them', async () => {
    const { admin, store, key } = await stocked()
    const series = [1, 0, 2, 31].map((value, at) => ({
      at: new Date(Date.UTC(2026, 0, 1, 0, at)).toISOString(),
      value,
    }))
    const details = { observed: 31, expected: 1, unit: 'requests', series }
    await openOne(alertsOf(store), {
      keyId: key.id,
      kind: 'rate_spike',
      reason: 'Thirty-one <requests> in a minute.',
      details,
    })
    const visitor = await admin()
    const { text } = await visitor.get('/keys/alerts')
    expect(text).toContain('Thirty-one &lt;requests&gt; in a minute.')
    expect(text).toContain('<path class="bar accent"')
    const [, id = ''] = /alerts\/(alert_[0-9A-Z]{26})\/acknowledge/.exec(text) ?? []
    const token = hiddenFields(text)['token'] ?? ''
    expect((await visitor.post(`/keys/alerts/${id}/snooze`, { token, hours: '24' })).text).toContain('Snoozed.')
    expect((await visitor.get('/keys/alerts')).text).toContain('Nothing is open.')
    expect((await visitor.get('/keys/alerts?state=snoozed')).text).toContain('Snoozed until')
    expect((await visitor.post(`/keys/alerts/${id}/acknowledge`, { token })).text).toContain('Acknowledged.')
    expect((await visitor.get('/keys/alerts?state=acknowledged')).text).toContain('Thirty-one')
    expect((await visitor.post(`/keys/alerts/${id}/snooze`, { token, hours: '0' })).status).toBe(400)
  })

  it('say so where nobody counts requests', async () => {
    const failures: unknown[] = []
    const { admin, keyward } = await openBoard({
      keyward: { usage: false, onEvent: (event) => event.type === 'failed' && failures.push(event) },
    })
    const key = await keyward.keys.create({ name: 'Uncounted', owner: 'acme' })
    const visitor = await admin()
    for (const path of ['', `/${key.id}`, `/${key.id}/revoke`])
      expect((await visitor.get(`/keys${path}`)).status).toBe(200)
    for (const path of ['/usage', '/apps'])
      expect((await visitor.get(`/keys${path}`)).text).toContain('This store does not keep what this page would show.')
    expect(failures).toEqual([])
  })

  it('remember the colours in a cookie, and nothing but colours', async () => {
    const { admin } = await stocked()
    const visitor = await admin()
    const token = hiddenFields((await visitor.get('/keys')).text)['token'] ?? ''
    const { status, headers } = await visitor.post('/keys/theme', { token, theme: 'dark', back: '//evil.example' })
    expect([status, headers.get('location')]).toEqual([303, '/keys'])
    expect((await visitor.get('/keys')).text).toContain('data-theme="dark"')
    await visitor.post('/keys/theme', { token, theme: 'x; Domain=evil.example' })
    expect((await visitor.get('/keys')).text).toContain('data-theme="auto"')
  })
})
