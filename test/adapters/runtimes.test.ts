import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'
import { build } from 'tsup'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { projectRoot } from '../house/source-tree.ts'
import { programs, runtimePackages } from './runtime-programs.ts'

const run = promisify(execFile)
/** The runtimes are large: they are installed once, in a folder of their own. */
const runtimes = join(projectRoot, 'node_modules/.cache/keyward-runtimes')
let folder: string

describe('the built package on other runtimes', () => {
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'keyward-runtimes-'))
    await Promise.all([installRuntimes(), buildPackage()])
  }, 180_000)

  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  it.each([
    ['Bun', join(runtimes, 'node_modules/.bin/bun'), ['bun.mjs'], true],
    [
      'Deno',
      join(runtimes, 'node_modules/.bin/deno'),
      ['run', '--allow-all', '--no-config', '--node-modules-dir=manual', 'deno.mjs'],
      true,
    ],
    ['workerd with nodejs_compat', process.execPath, ['workerd.mjs', 'nodejs_compat'], false],
    ['workerd without nodejs_compat', process.execPath, ['workerd.mjs'], false],
  ])('checks, limits and revokes keys on %s', async (_, command, parameters, tellsPeer) => {
    const server = spawn(command, parameters, { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] })
    try {
      await tryOut(await readyUrl(server), tellsPeer)
    } finally {
      server.kill()
    }
  })
})

async function tryOut(url: string, tellsPeer: boolean): Promise<void> {
  const get = (path: string, apiKey?: string) =>
    fetch(url + path, { headers: apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` } })
  const create = async (query = '') => (await (await get(`/create${query}`)).json()) as { id: string; apiKey: string }

  const missing = await get('/')
  expect(missing.status).toBe(401)
  expect(missing.headers.get('www-authenticate')).toBe('Bearer realm="api"')
  expect(missing.headers.get('x-request-id')).toMatch(/^req_[0-9a-f-]{36}$/)
  expect((await get('/', 'sk_1')).status).toBe(401)

  const key = await create()
  const answers = await Promise.all(Array.from({ length: 20 }, () => get('/', key.apiKey)))
  expect(answers.filter(({ status }) => status === 200)).toHaveLength(3)
  expect(answers.filter(({ status }) => status === 429)).toHaveLength(17)
  const left = answers.map(({ headers }) => headers.get('x-ratelimit-remaining')).sort()
  expect(left.slice(-3)).toEqual(['0', '1', '2'])

  const other = await create()
  const admitted = await get('/', other.apiKey)
  expect(await admitted.json()).toEqual({ keyId: other.id, requestId: admitted.headers.get('x-request-id') })
  const failed = await get('/throw', other.apiKey)
  expect([failed.status, (await failed.text()).includes('secret-detail')]).toEqual([500, false])
  expect((await get('/nowhere')).status).toBe(404)
  expect((await get(`/revoke?id=${other.id}`)).status).toBe(200)
  expect((await get('/', other.apiKey)).status).toBe(401)

  const homely = await create('?address=127.0.0.1')
  expect((await get('/', homely.apiKey)).status, 'of a key for 127.0.0.1').toBe(tellsPeer ? 200 : 403)
}

/** Reads the address that a server prints; what it says instead is the error. */
async function readyUrl(server: ChildProcess): Promise<string> {
  let complaints = ''
  server.stderr?.on('data', (chunk) => {
    complaints += chunk
  })
  if (server.stdout !== null)
    for await (const line of createInterface(server.stdout)) if (line.startsWith('http')) return line.trim()
  throw new Error(`The server ended before it was ready: ${complaints}`)
}

async function installRuntimes(): Promise<void> {
  const manifest = JSON.stringify({
    private: true,
    dependencies: runtimePackages,
    // Newer npm asks which packages may run install scripts; these two put their program in its place.
    allowScripts: { bun: true, deno: true },
  })
  const manifestPath = join(runtimes, 'package.json')
  const isThere = existsSync(manifestPath) && readFileSync(manifestPath, 'utf8') === manifest
  if (isThere && ['bun', 'deno', 'workerd'].every((name) => existsSync(join(runtimes, 'node_modules/.bin', name))))
    return
  mkdirSync(runtimes, { recursive: true })
  writeFileSync(manifestPath, manifest)
  try {
    await run('npm', ['install', '--no-package-lock', '--prefer-offline', '--no-audit', '--no-fund'], { cwd: runtimes })
  } catch (cause) {
    throw new Error(`Bun, Deno and workerd could not be installed from npm into ${runtimes}.`, { cause })
  }
}

/** Builds the package, puts it where programs find it, and bundles the worker, which finds nothing by name. */
async function buildPackage(): Promise<void> {
  const home = join(folder, 'node_modules/keyward')
  mkdirSync(home, { recursive: true })
  cpSync(join(projectRoot, 'package.json'), join(home, 'package.json'))
  for (const name of ['zod', 'lru-cache', 'ipaddr.js'])
    symlinkSync(join(projectRoot, 'node_modules', name), join(folder, 'node_modules', name))
  symlinkSync(join(runtimes, 'node_modules/miniflare'), join(folder, 'node_modules/miniflare'))
  writeFileSync(join(folder, 'package.json'), '{ "private": true, "type": "module" }')
  for (const [name, text] of Object.entries(programs)) writeFileSync(join(folder, name), text)
  const options = { config: false, format: 'esm', target: 'es2022', silent: true, dts: false } as const
  await build({
    ...options,
    entry: { index: join(projectRoot, 'src/index.ts'), fetch: join(projectRoot, 'adapters/fetch.ts') },
    outDir: join(home, 'dist'),
  })
  await build({
    ...options,
    entry: { worker: join(folder, 'worker.mjs') },
    outDir: join(folder, 'bundle'),
    outExtension: () => ({ js: '.mjs' }),
    noExternal: [/./],
    platform: 'browser',
  })
}
