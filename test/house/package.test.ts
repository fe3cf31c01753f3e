import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import ts from 'typescript'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readSourceTree } from './source-tree.ts'
import {
  installPackage,
  type PackedFile,
  readJson,
  runProgram,
  type StagedPackage,
  stagePackage,
} from './staged-package.ts'

interface Manifest {
  readonly version: string
  readonly exports: Readonly<Record<string, unknown>>
  readonly scripts: Readonly<Record<string, string>>
  readonly dependencies: Readonly<Record<string, string>>
  readonly peerDependencies: Readonly<Record<string, string>>
  readonly devDependencies: Readonly<Record<string, string>>
  readonly peerDependenciesMeta: Readonly<Record<string, { readonly optional?: boolean }>>
}

const manifest = readJson('package.json') as Manifest
const subpaths = Object.keys(manifest.exports).filter((subpath) => subpath !== './package.json')

describe('the manifest', () => {
  it('269: runs nothing on a machine that installs it', () => {
    const hooks = ['preinstall', 'install', 'postinstall', 'prepare', 'preprepare', 'postprepare', 'dependencies']
    expect(Object.keys(manifest.scripts).filter((name) => hooks.includes(name))).toEqual([])
  })

  it('268: depends on what DESIGN names, and on frameworks and drivers only as optional peers', () => {
    const allowed = [
      ...['@hono/node-server', '@hono/zod-openapi', 'cli-table3', 'commander', 'd3-scale', 'hono', 'ipaddr.js'],
      ...['lru-cache', 'zod'],
    ]
    expect(Object.keys(manifest.dependencies).sort()).toEqual(allowed)
    for (const peer of Object.keys(manifest.peerDependencies))
      expect(manifest.peerDependenciesMeta[peer]?.optional, peer).toBe(true)
  })

  it('is locked to packages of the public registry, each with its digest', () => {
    const lock = readJson('package-lock.json') as {
      packages: Record<string, { resolved?: string; integrity?: string; link?: boolean; inBundle?: boolean }>
    }
    for (const [path, entry] of Object.entries(lock.packages)) {
      if (path === '') continue
      expect(entry.link, path).toBeUndefined()
      expect(entry.resolved ?? 'https://registry.npmjs.org/', path).toMatch(/^https:\/\/registry\.npmjs\.org\//)
      if (entry.inBundle !== true) expect(entry.integrity, path).toMatch(/^sha512-/)
    }
  })
})

describe('the workflows', () => {
  const workflows = [...readSourceTree(['.github/workflows'], ['.yml'])]

  it.each(workflows)(
    '%s takes actions by commit, may only read, and never runs strangers with our rights',
    (_, text) => {
      const actions = [...text.matchAll(/uses:\s*(.+)/g)].map(([, action]) => action)
      expect(actions.length).toBeGreaterThan(0)
      for (const action of actions) expect(action).toMatch(/^[\w-]+\/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/)
      expect(text).toMatch(/^permissions:\n {2}contents: read\n\n/m)
      expect(text).not.toMatch(/pull_request_target|workflow_run|secrets\.|: write(?<!id-token: write)/)
    },
  )

  it('let one of them publish: a tag, a protected environment, and a token of that run only', () => {
    const mayPublish = workflows.filter(([, text]) => /id-token: write|npm publish/.test(text))
    expect(mayPublish.map(([path]) => path)).toEqual(['.github/workflows/publish.yml'])
    expect(mayPublish[0]?.[1]).toMatch(/on:\n {2}push:\n {4}tags:/)
    expect(mayPublish[0]?.[1]).toMatch(/environment: npm\n/)
  })
})

describe('the package', () => {
  let staged: readonly StagedPackage[] = []
  let files: readonly PackedFile[] = []
  let user = ''

  beforeAll(async () => {
    staged = [stagePackage(), stagePackage()]
    for (const { folder } of staged) writeFileSync(join(folder, '.env'), 'SECRET=never packed')
    await Promise.all(staged.map((copy) => copy.build()))
    const packed = await staged[0]?.pack()
    files = packed?.files ?? []
    // What the SQL stores load, the session tokens and the telemetry; no client of a database is loaded by any entry point.
    const peers = ['kysely', 'jose', '@opentelemetry/api'].map((name) => `${name}@${manifest.devDependencies[name]}`)
    user = await installPackage(packed?.tarball ?? '', peers)
  }, 300_000)

  afterAll(() => {
    for (const copy of staged) copy.remove()
    if (user !== '') rmSync(user, { recursive: true, force: true })
  })

  it('267: holds what was built, five pages and its manifest, and nothing else', () => {
    const allowed = /^(dist\/[\w-]+\.(js|d\.ts)|README\.md|LICENSE|CHANGELOG\.md|SECURITY\.md|package\.json)$/
    const paths = files.map(({ path }) => path)
    expect(paths.filter((path) => !allowed.test(path))).toEqual([])
    expect(paths.filter((path) => !path.startsWith('dist/')).sort()).toEqual([
      'CHANGELOG.md',
      'LICENSE',
      'README.md',
      'SECURITY.md',
      'package.json',
    ])
  })

  it('is the same to the byte when it is built again, elsewhere', () => {
    const [one, other] = staged.map(({ folder }) => digestsOf(join(folder, 'dist')))
    expect(one?.length).toBeGreaterThan(subpaths.length)
    expect(one).toEqual(other)
  })

  it('can be imported, and required, by every entry point', async () => {
    const names = subpaths.map((subpath) => subpath.replace('.', 'keyward'))
    const program = `
      import { createRequire } from 'node:module'
      const require = createRequire(process.cwd() + '/user.js')
      for (const name of ${JSON.stringify(names)}) {
        const imported = Object.keys(await import(name))
        if (imported.length === 0 || String(Object.keys(require(name))) !== String(imported)) console.log(name)
      }`
    expect(await runProgram(user, program)).toBe('')
  })

  it('has a program, which runs where it is installed and goes by a configuration there', async () => {
    const program = join(user, 'node_modules/.bin/keyward')
    const keyward = (...words: string[]) => promisify(execFile)(program, words, { cwd: user })
    expect((await keyward('--version')).stdout.trim()).toBe(manifest.version)
    const config = join(user, 'keyward.config.mjs')
    writeFileSync(
      config,
      "import { memory } from 'keyward'\nexport default { store: memory({ losesDataOnExit: true }) }\n",
    )
    expect((await keyward('keys', 'create', '--owner', 'acme', '--name', 'first')).stdout).toMatch(
      /^sk_[0-9A-Za-z]{49}\n$/,
    )
    await expect(keyward('keys', 'show', 'key_none')).rejects.toMatchObject({ code: 3 })
    rmSync(config)
  })

  it('has types that hold without those of Node.js', () => {
    const names = subpaths
      .filter((subpath) => !/express|fastify/.test(subpath))
      .map((name) => name.replace('.', 'keyward'))
    expect(findTypeErrors(user, names)).toEqual([])
  })

  const lockedDown = {
    permission: ['--allow-fs-read=*'],
    'disallow-code-generation-from-strings': [],
    'frozen-intrinsics': [],
  }

  it.each(Object.entries(lockedDown))('admits and refuses under --%s', async (flag, more) => {
    const known = process.allowedNodeEnvironmentFlags.has(`--${flag}`) || flag !== 'permission'
    const flags = [known ? `--${flag}` : `--experimental-${flag}`, ...more]
    expect(await runProgram(user, firstSteps, flags)).toBe('org_1 429')
  })

  it("268: loads zod, lru-cache and ipaddr.js for import 'keyward', and nothing else", async () => {
    expect(await packagesLoadedBy(user, 'keyward')).toEqual(['ipaddr.js', 'keyward', 'lru-cache', 'zod'])
  })

  it("loads no other package for import 'keyward/client', and none of the core", async () => {
    const loaded = await urlsLoadedBy(user, 'keyward/client')
    expect(loaded.filter((url) => !url.includes('/node_modules/keyward/dist/'))).toEqual([])
    // Besides client.js at most the bundler's own few lines, which all entry points share; the core has 200 kB.
    const bytes = loaded.map((url) => readFileSync(new URL(url)).length).reduce((sum, length) => sum + length, 0)
    expect(bytes).toBeLessThan(25_000)
  })

  it.each(['express', 'hono', 'fastify', 'fetch'])('loads nothing more for the %s adapter', async (adapter) => {
    const loaded = await packagesLoadedBy(user, `keyward/${adapter}`)
    expect(loaded.filter((name) => !['ipaddr.js', 'keyward', 'lru-cache', 'zod'].includes(name))).toEqual([])
  })
})

/** Makes a key with a limit of 1 and presents it twice. */
const firstSteps = `
  import { createKeyward, memory } from 'keyward'
  const limits = { policies: { default: [{ limit: 1, windowSeconds: 60 }] } }
  const keyward = createKeyward({ store: memory({ losesDataOnExit: true }), limits })
  const { apiKey } = await keyward.keys.create({ owner: 'org_1', name: 'first' })
  const first = await keyward.authenticate({ authorization: 'Bearer ' + apiKey })
  const second = await keyward.authenticate({ authorization: 'Bearer ' + apiKey })
  console.log(first.owner, second.status)
  await keyward.close()`

/** Compiles a user's file that imports the given modules, and says what is wrong with the types of the package. */
function findTypeErrors(folder: string, names: readonly string[]): readonly string[] {
  const path = join(folder, 'user.ts')
  writeFileSync(path, names.map((name) => `export * as ${name.replace(/\W/g, '_')} from '${name}'`).join('\n'))
  const { ES2022 } = ts.ScriptTarget
  const module = ts.ModuleKind.NodeNext
  const options = { strict: true, noEmit: true, target: ES2022, module, types: [], exactOptionalPropertyTypes: true }
  const program = ts.createProgram([path], options)
  return program
    .getSourceFiles()
    .filter(({ fileName }) => fileName === path || fileName.includes('/node_modules/keyward/'))
    .flatMap((file) => [...program.getSyntacticDiagnostics(file), ...program.getSemanticDiagnostics(file)])
    .map(({ messageText, file }) => `${file?.fileName}: ${ts.flattenDiagnosticMessageText(messageText, '\n')}`)
}

function digestsOf(folder: string): readonly string[] {
  const digest = (name: string) =>
    createHash('sha256')
      .update(readFileSync(join(folder, name)))
      .digest('hex')
  return readdirSync(folder)
    .sort()
    .map((name) => `${name} ${digest(name)}`)
}

async function packagesLoadedBy(folder: string, specifier: string): Promise<readonly string[]> {
  const urls = await urlsLoadedBy(folder, specifier)
  const packages = urls.map((url) => /\/node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(url)?.[1])
  return [...new Set(packages.filter((name) => name !== undefined))].sort()
}

async function urlsLoadedBy(folder: string, specifier: string): Promise<readonly string[]> {
  const hook = `
    import { writeSync } from 'node:fs'
    export async function load(url, context, next) { writeSync(1, url + '\\n'); return next(url, context) }`
  const program = `
    import { register } from 'node:module'
    register('data:text/javascript,' + encodeURIComponent(${JSON.stringify(hook)}))
    await import('${specifier}')`
  return (await runProgram(folder, program)).split('\n')
}
