import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'
import { build } from 'tsup'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { reset, serveSteps } from '../client/scripted-server.ts'
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

  const deno = ['run', '--allow-all', '--no-config', '--node-modules-dir=manual', 'deno.mjs']
  const each: readonly (readonly [
    string,
    string,
    readonly string[],
    { tellsPeer: boolean; hasEnvironment: boolean },
  ])[] = [
    ['Bun', join(runtimes, 'node_modules/.bin/bun'), ['bun.mjs'], { tellsPeer: true, hasEnvironment: true }],
    ['Deno', join(runtimes, 'node_modules/.bin/deno'), deno, { tellsPeer: true, hasEnvironment: true }],
    [
      'workerd with nodejs_compat',
      process.execPath,
      ['workerd.mjs', 'nodejs_compat'],
      { tellsPeer: false, hasEnvironment: true },
    ],
    ['workerd without nodejs_compat', process.execPath, ['workerd.mjs'], { tellsPeer: false, hasEnvironment: false }],
  ]

  it.each(each)('checks, limits and revokes keys on %s', async (_, command, parameters, { tellsPeer }) => {
    await onRuntime(command, parameters, (url) => tryOut(url, tellsPeer))
  })

  it.each(each)('calls another API, and does it well, on %s', async (_, command, parameters, { hasEnvironment }) => {
    await onRuntime(command, parameters, (url) => tryCaller(url, hasEnvironment))
  })
})

async function onRuntime(
  command: string,
  parameters: readonly string[],
  act: (url: string) => Promise<void>,
): Promise<void> {
  const env = { ...process.env, API_KEY: 'sk_of_the_environment' }
  const server = spawn(command, parameters, { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'], env })
  try {
    await act(await readyUrl(server))
  } finally {
    server.kill()
  }
}

/** Lets the client in a runtime call an API that fails in some ways. */
async function tryCaller(url: string, hasEnvironment: boolean): Promise<void> {
  const other = await serveSteps()
  const api = await serveSteps(
    { status: 503 },
    reset,
    { json: { fine: true } },
    { status: 503 },
    { text: 'form' },
    { status: 302, headers: { Location: `${other.url}/take` } },
    { status: 429, headers: { 'Retry-After': '3000', 'X-Request-Id': 'req_1' }, json: { message: 'Slowly.' } },
    () => {},
  )
  const called = await fetch(`${url}/call-out?url=${api.url}${hasEnvironment ? '' : '&bound'}`)
  expect(await called.json()).toMatchObject({
    json: { fine: true },
    form: 'form',
    redirected: { status: 302, code: 'redirected', isError: true },
    limited: { status: 429, message: 'Slowly.', requestId: 'req_1', retryAfterSeconds: 3_000 },
    timeout: { status: null, code: 'timeout' },
    stopped: 'AbortError',
  })
  expect(other.received).toEqual([])
  const keysOf = (from: number, to: number) =>
    api.received.slice(from, to).map(({ headers }) => headers['idempotency-key'])
  expect([new Set(keysOf(0, 3)).size, new Set(keysOf(3, 5)).size, new Set(keysOf(0, 5)).size]).toEqual([1, 1, 2])
  expect(keysOf(0, 5)).not.toContain(undefined)
  expect(api.received.slice(0, 3).map(({ body }) => body)).toEqual(Array(3).fill('{"a":1}'))
  expect(api.received[4]?.body).toBe(api.received[3]?.body)
  expect(api.received[4]?.body).toContain('frames')
  for (const { headers } of api.received) {
    expect(headers.authorization).toBe('Bearer sk_of_the_environment')
    expect(Buffer.from(String(headers['x-title']), 'latin1').toString()).toBe('Märchen 🎬')
  }
}

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
    entry: {
      index: join(projectRoot, 'src/index.ts'),
      fetch: join(projectRoot, 'adapters/fetch.ts'),
      client: join(projectRoot, 'src/client/client.ts'),
    },
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
