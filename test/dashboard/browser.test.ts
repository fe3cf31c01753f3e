import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import axe from 'axe-core'
import express from 'express'
import { createKeyward, memory } from 'keyward'
import { adminToken, dashboard } from 'keyward/dashboard'
import { errorHandler, requireKey } from 'keyward/express'
import type { Browser, BrowserContextOptions, Page } from 'playwright-core'
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest'
import { startChromium } from '../servers/chromium.ts'
import { describeWith } from '../servers/missing-servers.ts'
import { TOKEN } from './board.ts'

const MAX_PAGE_BYTES = 60_000

describeWith('chromium', 'the dashboard in a browser', () => {
  let browser: Browser
  beforeAll(async () => {
    browser = await startChromium()
  })
  afterAll(() => browser.close())

  /** A site with an API and its dashboard, and a browser window that is not signed in. */
  async function openSite(options: BrowserContextOptions = {}) {
    const keyward = createKeyward({
      store: memory({ losesDataOnExit: true }),
      clientAddress: 'peer',
      credits: { account: 'key' },
      limits: { policies: { default: [{ limit: 100, windowSeconds: 60 }] } },
    })
    const app = express()
    const sampleRequest = { path: '/v1/tasks', method: 'POST' }
    app.use('/keys', dashboard(keyward, { signIn: adminToken(TOKEN), sampleRequest }).express())
    app.post('/v1/tasks', requireKey(keyward), (_request, response) => void response.json({ ok: true }))
    app.use(errorHandler(keyward))
    const server = createServer(app)
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const context = await browser.newContext({ permissions: ['clipboard-read', 'clipboard-write'], ...options })
    context.setDefaultTimeout(20_000)
    const page = await context.newPage()
    const problems: string[] = []
    page.on('pageerror', (error) => problems.push(String(error)))
    page.on('console', (message) => {
      if (/Content Security Policy|Refused to/.test(message.text())) problems.push(message.text())
    })
    page.on('request', (request) => {
      if (!request.url().startsWith(url)) problems.push(`asked ${request.url()}`)
    })
    onTestFinished(async () => {
      await context.close()
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
      await keyward.close()
      expect(problems).toEqual([])
    })
    const call = async (apiKey: string) =>
      (await fetch(`${url}/v1/tasks`, { method: 'POST', headers: { authorization: `Bearer ${apiKey}` } })).status
    return { keyward, page, context, url, call }
  }

  async function signedIn(options: BrowserContextOptions = {}) {
    const site = await openSite(options)
    await site.page.goto(`${site.url}/keys`)
    await site.page.getByLabel('Admin token').fill(TOKEN)
    await site.page.getByRole('button', { name: 'Sign in' }).click()
    await site.page.getByRole('heading', { name: 'Keys', exact: true }).waitFor()
    return site
  }

  it('signs in, creates and copies a key that works, shows its use, rotates, revokes: refused', async () => {
    const { page, url, call, keyward } = await signedIn()
    await page.getByRole('link', { name: 'Create key' }).first().click()
    const dialog = page.getByRole('dialog')
    await dialog.getByLabel('Name').waitFor()
    expect(await dialog.getByLabel('Name').evaluate((input) => input === document.activeElement)).toBe(true)
    await page.keyboard.type('Production')
    await page.keyboard.press('Enter')
    await page.getByText('You will not see this key again').waitFor()
    expect(await page.evaluate(() => getSelection()?.toString())).toMatch(/^sk_\w+$/)
    await page.getByRole('button', { name: 'Copy' }).first().click()
    await page.getByRole('button', { name: 'Copied' }).waitFor()
    const apiKey = await page.evaluate(() => navigator.clipboard.readText())
    expect(await page.locator('#curl').textContent()).toContain(`curl '${url}/v1/tasks'`)
    expect(await call(apiKey)).toBe(200)
    await page.getByRole('link', { name: 'I have stored it' }).click()
    await page.getByRole('heading', { name: 'Production' }).waitFor()

    for (let count = 0; count < 4; count++) expect(await call(apiKey)).toBe(200)
    await keyward.usage.flush()
    await page.locator('.figure', { hasText: 'Requests' }).getByText('5', { exact: true }).waitFor()

    await page.getByRole('link', { name: 'Rotate' }).click()
    await page.getByLabel('In 1 hour').check()
    await page.getByRole('dialog').getByRole('button', { name: 'Rotate key' }).click()
    await page.getByText('works for another 1 hour').waitFor()
    const next = (await page.locator('#api-key').textContent())?.trim() ?? ''
    expect(await call(next)).toBe(200)
    expect(await call(apiKey)).toBe(200)
    await page.getByRole('link', { name: 'I have stored it' }).click()
    await page.locator('.lineage a').click()
    await page.getByText('This key was replaced').waitFor()
    await page.getByRole('link', { name: 'End it now' }).click()
    await page.getByText(/\d+ requests? in the last hour will start to fail\./).waitFor()
    await page.getByRole('dialog').getByRole('button', { name: 'Revoke key' }).click()
    await page.getByText('Revoked. No instance accepts it.').waitFor()
    expect(await call(apiKey)).toBe(401)
    expect(await call(next)).toBe(200)
    await page.reload()
    await page.locator('.page-head .state', { hasText: 'Revoked' }).waitFor()
    expect(await page.getByText('No instance accepts it.').count()).toBe(0)
  })

  it('J200 asks once before a new key is left, and keeps it nowhere', async () => {
    const { page, context } = await signedIn()
    await page.getByRole('link', { name: 'Create key' }).first().click()
    await page.getByRole('dialog').getByLabel('Name').fill('Once')
    await page.keyboard.press('Enter')
    await page.getByText('You will not see this key again').waitFor()
    const apiKey = (await page.locator('#api-key').textContent())?.trim() ?? ''
    expect(apiKey).toMatch(/^sk_/)
    expect(page.url()).toMatch(/\/keys\/key_\w+$/)
    await page.getByRole('button', { name: 'Copy' }).first().click()
    let asked = 0
    page.on('dialog', (dialog) => {
      asked += 1
      void dialog.dismiss()
    })
    await page.getByRole('link', { name: 'Usage' }).click({ noWaitAfter: true })
    await expect.poll(() => asked, { timeout: 20_000 }).toBe(1)
    expect(await page.locator('#api-key').textContent()).toContain(apiKey)
    await page.getByRole('link', { name: 'Usage' }).click()
    await page.getByRole('heading', { name: 'Usage' }).waitFor()
    expect(asked).toBe(1)
    for (const go of [() => page.goBack(), () => page.goForward(), () => page.reload(), () => page.goBack()]) {
      await go()
      expect(await page.content()).not.toContain(apiKey)
    }
    const kept = await page.evaluate(() => JSON.stringify([{ ...localStorage }, { ...sessionStorage }, history.state]))
    expect(kept).not.toContain(apiKey)
    expect(JSON.stringify(await context.storageState())).not.toContain(apiKey)
  })

  it('is used by keyboard alone', async () => {
    const { page, url, keyward } = await openSite()
    await page.goto(`${url}/keys`)
    await page.keyboard.type(TOKEN)
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { name: 'Keys', exact: true }).waitFor()
    await tabTo(page, 'Create key')
    await page.keyboard.press('Enter')
    await page.getByRole('dialog').waitFor()
    await page.keyboard.press('Escape')
    await page.getByRole('dialog').waitFor({ state: 'detached' })
    expect(await focused(page)).toBe('Create key')
    await page.keyboard.press('Enter')
    await page.getByRole('dialog').getByLabel('Name').waitFor()
    await page.keyboard.type('By keyboard')
    await page.keyboard.press('Enter')
    await page.getByText('You will not see this key again').waitFor()
    await tabTo(page, 'I have stored it')
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { name: 'By keyboard' }).waitFor()
    await tabTo(page, 'Revoke')
    await page.keyboard.press('Enter')
    await page.getByRole('dialog').waitFor()
    await tabTo(page, 'Revoke key')
    await page.keyboard.press('Enter')
    await page.getByText('Revoked. No instance accepts it.').waitFor()
    expect((await keyward.keys.list()).items).toMatchObject([{ name: 'By keyboard', state: 'revoked' }])
  })

  it('works without JavaScript', async () => {
    const { page, keyward } = await signedIn({ javaScriptEnabled: false })
    await page.getByRole('link', { name: 'Create key' }).first().click()
    await page.getByLabel('Name').fill('Plain')
    await page.getByLabel('More scopes').fill('tasks:write')
    await page.getByRole('button', { name: 'Create key' }).click()
    await page.getByText('You will not see this key again').waitFor()
    const apiKey = (await page.locator('#api-key').textContent())?.trim() ?? ''
    expect((await keyward.verify({ apiKey, scopes: ['tasks:write'] })).valid).toBe(true)
    expect(await page.getByRole('button', { name: 'Copy' }).count()).toBe(0)
    await page.getByRole('link', { name: 'I have stored it' }).click()
    await page.getByRole('link', { name: 'Edit' }).click()
    await page.getByLabel('Name').fill('Plainer')
    await page.getByRole('button', { name: 'Save changes' }).click()
    await page.getByText('Saved.').waitFor()
    await page.getByRole('link', { name: 'Disable' }).click()
    await page.getByRole('button', { name: 'Disable key' }).click()
    await page.getByText('Disabled. No instance accepts it.').waitFor()
    await page.getByRole('button', { name: 'Enable' }).click()
    await page.getByText('Enabled. Every instance accepts it again.').waitFor()
    await page.getByRole('link', { name: 'Revoke' }).click()
    await page.getByRole('button', { name: 'Revoke key' }).click()
    await page.getByText('Revoked. No instance accepts it.').waitFor()
    await page.getByRole('link', { name: 'Purge' }).click()
    await page.getByLabel('Type the name').fill('something else')
    await page.getByRole('button', { name: 'Purge key' }).click()
    await page.getByText('That is not the name of the key. Nothing was changed.').waitFor()
    await page.getByLabel('Type the name').fill('Plainer')
    await page.getByRole('button', { name: 'Purge key' }).click()
    await page.getByText('Purged. No instance accepts it.').waitFor()
    expect((await keyward.keys.list()).items).toEqual([])
    await page.getByRole('button', { name: 'Dark' }).click()
    expect(await page.locator('html').getAttribute('data-theme')).toBe('dark')
    await page.getByRole('button', { name: 'Sign out' }).click()
    await page.getByLabel('Admin token').waitFor()
  })

  it('shows new requests by itself, while somebody looks', async () => {
    const { page, url, call, keyward } = await signedIn()
    const { id, apiKey } = await keyward.keys.create({ name: 'Watched', owner: 'acme' })
    await page.goto(`${url}/keys/${id}`)
    const requests = page.locator('.figure', { hasText: 'Requests' })
    await requests.getByText('0', { exact: true }).waitFor()
    for (let count = 0; count < 7; count++) await call(apiKey)
    await keyward.usage.flush()
    await requests.getByText('7', { exact: true }).waitFor()
    expect(await page.locator('path.bar.good').getAttribute('d')).toMatch(/^M[\d.]+ 100v-/)
  })

  it('has its colours by preference and by choice, from the first byte', async () => {
    const { page, url, context } = await signedIn({ colorScheme: 'dark' })
    const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor)
    const dark = await ground()
    await page.emulateMedia({ colorScheme: 'light' })
    const light = await ground()
    expect(light).not.toBe(dark)
    await page.getByRole('button', { name: 'Dark' }).click()
    await page.waitForLoadState()
    expect(await ground()).toBe(dark)
    const html = await (await context.request.get(`${url}/keys/audit`)).text()
    expect(html).toContain('<html lang="en" data-theme="dark">')
    await page.getByRole('button', { name: 'Auto' }).click()
    await page.waitForLoadState()
    expect(await ground()).toBe(light)
  })

  it.each([
    [360, 'light'],
    [1280, 'light'],
    [1280, 'dark'],
  ] as const)(
    'has nothing that axe finds serious, no sideways scrolling and under 60 kB: %i px, %s',
    async (width, colorScheme) => {
      const { page, url, keyward, call } = await signedIn({ viewport: { width, height: 800 }, colorScheme })
      const { id, apiKey } = await keyward.keys.create({
        name: 'A name as long as names of keys get when somebody is careful about what they are for',
        owner: 'acme',
        scopes: [
          'tasks:write',
          'tasks:read',
          'files:read',
          'files:write',
          'a-scope-with-a-long-name:that-does-not-break',
        ],
      })
      await keyward.credits.topUp({ keyId: id }, { amount: 1_000 })
      for (let count = 0; count < 24; count++)
        await keyward.keys.create({
          name: `Key ${count}`,
          owner: `owner-${count}`,
          scopes: ['tasks:read', 'tasks:write'],
        })
      await keyward.keys.rotate(id, { graceSeconds: 3_600 })
      for (let count = 0; count < 3; count++) await call(apiKey)
      await keyward.usage.flush()
      const places = [
        '',
        '/new',
        `/${id}`,
        `/${id}?range=1h`,
        `/${id}/edit`,
        `/${id}/rotate`,
        `/${id}/revoke`,
        `/${id}/purge`,
        `/${id}/top-up`,
      ]
      for (const path of [
        ...places,
        '/usage',
        '/apps',
        '/audit',
        '/audit/verify?owner=acme',
        '/alerts',
        '/key_00000000000000000000000000',
      ]) {
        await page.goto(`${url}/keys${path}`)
        await expectAccessible(page, path)
        const wide = await page.evaluate(
          () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
        )
        expect(wide, path).toBeLessThanOrEqual(0)
        expect(await bytesOf(page), path).toBeLessThan(MAX_PAGE_BYTES)
      }
      await page.goto(`${url}/keys`)
      await page.getByRole('link', { name: 'Create key' }).click()
      await page.getByRole('dialog').waitFor()
      await expectAccessible(page, 'the dialog')
      await page.context().clearCookies()
      await page.goto(`${url}/keys`)
      await expectAccessible(page, 'sign in')
    },
    300_000,
  )
})

async function expectAccessible(page: Page, path: string): Promise<void> {
  await page.evaluate(axe.source)
  const serious = await page.evaluate(async () => {
    const { violations } = await (window as unknown as { axe: typeof axe }).axe.run()
    return violations
      .filter(({ impact }) => impact === 'serious' || impact === 'critical')
      .map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 120)).join(' | ')}`)
  })
  expect(serious, path).toEqual([])
}

/** Everything that a page is made of, as it comes over the wire. */
async function bytesOf(page: Page): Promise<number> {
  return page.evaluate(async () => {
    const files = [
      location.href,
      ...[...document.querySelectorAll('link[href], script[src]')].map(
        (element) => (element as HTMLLinkElement).href || (element as HTMLScriptElement).src,
      ),
    ]
    const sizes = await Promise.all(files.map(async (file) => (await (await fetch(file)).arrayBuffer()).byteLength))
    return sizes.reduce((sum, size) => sum + size, 0)
  })
}

function focused(page: Page): Promise<string> {
  return page.evaluate(() => document.activeElement?.textContent?.trim() ?? '')
}

/** Presses Tab until something with this text has the focus. */
async function tabTo(page: Page, text: string): Promise<void> {
  for (let count = 0; count < 60; count++) {
    if ((await focused(page)) === text) return
    await page.keyboard.press('Tab')
  }
  throw new Error(`Tab never came to “${text}”.`)
}
