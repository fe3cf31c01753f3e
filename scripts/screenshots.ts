import { mkdirSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import express from 'express'
import { adminToken, dashboard } from 'keyward/dashboard'
import type { Page } from 'playwright-core'
import { startChromium } from '../test/servers/chromium.ts'
import { type Example, fillExample } from './example-data.ts'
import { smallPng } from './small-png.ts'

// `npm run screenshots`: fills a dashboard with believable data, and pictures every page, in light and dark, on a desktop
// and on a phone, into docs/images. `npm run screenshots -- key` pictures the pages whose names begin with `key`.
const folder = fileURLToPath(new URL('../docs/images/', import.meta.url))
const only = process.argv[2] ?? ''
const TOKEN = 'the-admin-token-of-the-pictures'
const SIZES = { desktop: { width: 1280, height: 860 }, phone: { width: 390, height: 844 } } as const

/** A dashboard of its own for each set of pictures: what one does is in no other. */
async function openSite() {
  const { keyward, keys } = await fillExample()
  const board = dashboard(keyward, {
    signIn: adminToken(TOKEN),
    sampleRequest: {
      baseUrl: 'https://api.example.com',
      path: '/v1/video/generations',
      body: { model: 'pv-1', prompt: 'A quiet lake at dawn' },
    },
  })
  const server = createServer(express().use('/keys', board.express()))
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  return {
    keys,
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/keys`,
    async close() {
      server.closeAllConnections()
      server.close()
      await keyward.close()
    },
  }
}

type Step = (page: Page) => Promise<unknown>

/** Every picture: its name, where it is taken, and what is done there first. */
const picturesOf = ({
  production,
  replaced,
}: Example['keys']): readonly (readonly [name: string, path: string, step?: Step])[] => [
  ['keys', ''],
  [
    'create',
    '',
    async (page) => {
      await page.getByRole('link', { name: 'Create key' }).click()
      await page.getByLabel('Name').fill('Render farm, Frankfurt')
      await page.getByLabel('video:write').check()
    },
  ],
  ['key', `/${production}`],
  ['rotated', `/${replaced}`],
  ['rotate', `/${production}`, (page) => page.getByRole('link', { name: 'Rotate' }).click()],
  ['revoke', `/${production}`, (page) => page.getByRole('link', { name: 'Revoke' }).click()],
  ['usage', '/usage?range=7d'],
  ['apps', '/apps'],
  ['audit', '/audit'],
  ['verified', '/audit/verify?owner=acme'],
  ['alerts', '/alerts'],
  ['error', '/key_00000000000000000000000000'],
  [
    'shown-once',
    '/new',
    async (page) => {
      await page.getByLabel('Name').fill('Render farm, Frankfurt')
      await page.getByLabel('Owner').fill('acme')
      await page.getByRole('button', { name: 'Create key' }).click()
      await page.getByText('You will not see this key again').waitFor()
    },
  ],
]

mkdirSync(folder, { recursive: true })
const browser = await startChromium()
for (const [size, viewport] of Object.entries(SIZES))
  for (const colorScheme of ['light', 'dark'] as const) {
    const { keys, url, close } = await openSite()
    const context = await browser.newContext({ viewport, colorScheme, locale: 'en-GB', timezoneId: 'Europe/Berlin' })
    const page = await context.newPage()
    page.on('dialog', (dialog) => void dialog.accept())
    const shoot = async (name: string) =>
      writeFileSync(`${folder}${name}-${size}-${colorScheme}.png`, smallPng(await page.screenshot()))
    await page.goto(url)
    if ('sign-in'.startsWith(only)) await shoot('sign-in')
    await page.getByLabel('Admin token').fill(TOKEN)
    await page.getByRole('button', { name: 'Sign in' }).click()
    await page.getByRole('heading', { name: 'Keys' }).waitFor()
    for (const [name, path, step] of picturesOf(keys).filter(([name]) => name.startsWith(only))) {
      await page.goto(url + path)
      await step?.(page)
      await page.getByRole('heading', { level: 1 }).last().waitFor()
      await shoot(name)
    }
    await context.close()
    await close()
  }
await browser.close()
