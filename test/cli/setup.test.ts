import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { CreatedKey } from 'keyward'
import { sqlite } from 'keyward/sqlite'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { configText } from '../../src/cli/config-template.ts'
import { satisfies } from '../../src/cli/doctor-programs.ts'
import { findBrokenSamples } from '../house/code-samples.ts'
import { keyward, keywardJson, keywardProcess } from './command-line.ts'

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'keyward-cli-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

/** Writes a configuration in the words of a user's; `from` names a file of the sources. */
function writeConfig(name: string, body: string): void {
  const from = (path: string) => JSON.stringify(new URL(`../../src/${path}`, import.meta.url).href)
  const text = `import { createKeyward, createProfile, createKeyFormat, defaultProfile } from ${from('index.ts')}
import { sqlite } from ${from('stores/sqlite/sqlite.ts')}
const profile = createProfile(defaultProfile, { keyFormat: createKeyFormat({ prefix: 'cfg_' }) })
const options = { store: sqlite(${JSON.stringify(join(folder, 'keys.db'))}), profile, limits: { policies: { default: [{ limit: 1, windowSeconds: 1 }] } } }
${body}`
  writeFileSync(join(folder, name), text)
}

describe('keyward init', () => {
  it('writes a configuration, makes the tables, and says what to do next', async () => {
    const { code, stdout } = await keyward(['init'], { folder })
    expect(code).toBe(0)
    expect(stdout).toMatch(
      /^Wrote keyward\.config\.mjs\.\nMade the tables in keyward\.db \(\d+ migrations\)\.\n\nNext:\n/,
    )
    expect(stdout).toContain('npx keyward keys create')
    expect((await sqlite(join(folder, 'keyward.db')).inspect()).pending).toEqual([])
  })

  it('never overwrites, whatever the ending of the file that is there', async () => {
    for (const name of ['keyward.config.mjs', 'keyward.config.ts', 'keyward.config.js']) {
      writeFileSync(join(folder, name), 'mine')
      expect((await keyward(['init'], { folder })).code).toBe(4)
      expect((await keyward(['init', '--ts'], { folder })).code).toBe(4)
      expect(readFileSync(join(folder, name), 'utf8')).toBe('mine')
      rmSync(join(folder, name))
    }
  })

  it('puts no address into the file', async () => {
    const database = 'postgres://app:hunter2hunter2@127.0.0.1:1/app'
    const { code, stdout, stderr } = await keyward(['init'], { folder, database })
    expect(code).toBe(6)
    expect(stderr).toContain('keyward.config.mjs is written, but the tables could not be made')
    const written = readFileSync(join(folder, 'keyward.config.mjs'), 'utf8')
    expect(written).toContain('process.env.DATABASE_URL')
    expect(written + stdout + stderr).not.toContain('hunter2')
  })

  it('writes TypeScript that compiles, for every store, with and without Redis', () => {
    const samples = (['sqlite', 'postgres', 'mysql'] as const).flatMap((kind) =>
      [true, false].map((hasRedis) => ({
        at: `${kind} ${hasRedis}`,
        code: configText({ kind, hasRedis, file: 'keyward.db', isTypeScript: true }),
      })),
    )
    // This project's own rule about index signatures is not a user's.
    const loosened = samples.map(({ at, code }) => ({
      at,
      code: code.replace(/process\.env\.(\w+)/g, "process.env['$1']"),
    }))
    expect(findBrokenSamples(loosened)).toEqual([])
  })
})

describe('a configuration', () => {
  it.each([
    ['options', 'export default options'],
    ['a function that makes them', 'export default () => options'],
    ['an async function that makes them', 'export default async () => options'],
  ])('may export %s', async (_what, body) => {
    writeConfig('keyward.config.mjs', body)
    expect((await keywardProcess(['migrate'], { folder })).code).toBe(0)
    const { code, stdout } = await keywardProcess(['keys', 'create', '-o', 'acme', '-n', 'x', '--json'], { folder })
    expect(code).toBe(0)
    expect(JSON.parse(stdout) as CreatedKey).toMatchObject({
      policies: ['default'],
      apiKey: expect.stringMatching(/^cfg_/),
    })
  })

  it('wins over DATABASE_URL, and is named by --config', async () => {
    writeConfig('other.mjs', 'export default options')
    const setting = { folder, database: `sqlite:${join(folder, 'not-this.db')}` }
    expect((await keywardProcess(['migrate', '--config', 'other.mjs'], setting)).code).toBe(0)
    const { checks } = JSON.parse((await keywardProcess(['doctor', '--json', '-c', 'other.mjs'], setting)).stdout)
    expect(checks).toContainEqual({ name: 'configuration', status: 'ok', found: 'other.mjs', advice: null })
    expect((await keyward(['keys', 'list', '--config', 'gone.mjs'], setting)).code).toBe(2)
  })

  it('that exports a keyward, or nothing of use, is refused in a sentence', async () => {
    writeConfig('keyward.config.mjs', 'export default createKeyward(options)')
    const ended = await keywardProcess(['keys', 'list'], { folder })
    expect(ended).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('exports a keyward: it must export the options'),
    })
    writeConfig('keyward.config.mjs', 'export const nothing = 1')
    expect((await keywardProcess(['keys', 'list'], { folder })).stderr).toContain('must have a default export')
    writeFileSync(join(folder, 'keyward.config.mjs'), "import 'no-such-driver'\nexport default {}")
    const missing = await keywardProcess(['keys', 'list'], { folder })
    expect(missing.stderr).toContain('npm install no-such-driver')
  })
})

describe('keyward doctor', () => {
  it('fails on what does not work, and changes nothing', async () => {
    const database = `sqlite:${join(folder, 'new.db')}`
    const { code, stdout } = await keyward(['doctor'], { folder, database })
    expect(code).toBe(1)
    expect(stdout).toMatch(/^fail {2}schema {9}\d+ migrations to apply: keys-001/m)
    expect(stdout).toContain('-> keyward migrate')
    expect((await sqlite(join(folder, 'new.db')).inspect()).applied).toEqual([])
  })

  it('finds an audit chain that somebody changed', async () => {
    const database = `sqlite:${join(folder, 'new.db')}`
    await keyward(['migrate'], { database })
    await keywardJson(['keys', 'create', '-o', 'acme', '-n', 'x'], { database })
    const { default: Database } = await import('libsql')
    const handle = new Database(join(folder, 'new.db'))
    handle.exec("UPDATE keyward_audit SET actor = 'somebody else'")
    handle.close()
    const { code, stdout } = await keyward(['doctor'], { database })
    expect(code).toBe(1)
    expect(stdout).toMatch(/^fail {2}audit {10}the chain of acme is broken at #1: edited/m)
    const verified = await keyward(['audit', 'verify'], { database })
    expect(verified.code).toBe(1)
    expect(verified.stdout).toContain('#1 edited')
  })

  it('knows the two forms of ranges that the manifest has', () => {
    expect(satisfies('20.19.0', '>=20.19')).toBe(true)
    expect(satisfies('20.18.9', '>=20.19')).toBe(false)
    expect(satisfies('6.0.0', '^5.4.0 || ^6.0.0')).toBe(true)
    expect(satisfies('7.0.0', '^5.4.0 || ^6.0.0')).toBe(false)
    expect(satisfies('0.29.0', '^0.28.0')).toBe(false)
  })
})

describe('the audit trail', () => {
  it('is exported as JSON Lines and CSV, and to a pipe as it is read', async () => {
    const database = `sqlite:${join(folder, 'a.db')}`
    await keyward(['migrate'], { database })
    for (const name of ['one', 'two'])
      await keywardJson(['keys', 'create', '-o', 'acme', '-n', name, '--actor', '=cmd'], { database })
    const lines = (await keyward(['audit', 'export', '--owner', 'acme'], { database })).stdout.trimEnd().split('\n')
    expect(lines.map((line) => (JSON.parse(line) as { action: string }).action)).toEqual(['key.created', 'key.created'])
    const csv = (await keyward(['audit', 'export', '--format', 'csv'], { database })).stdout
    expect(csv.startsWith('"owner","sequence","at"')).toBe(true)
    expect(csv).toContain(`"'=cmd"`)
    const { items } = await keywardJson<{ items: { isIntact: boolean }[] }>(['audit', 'verify'], { database })
    expect(items).toMatchObject([{ owner: 'acme', isIntact: true, headSequence: 2 }])
  })

  it('has credits moved by whoever is named, once an operation', async () => {
    const database = `sqlite:${join(folder, 'a.db')}`
    await keyward(['migrate'], { database })
    const topUp = ['credits', 'top-up', '--owner', 'acme', '500', '--operation-id', 'invoice-17']
    await keywardJson(topUp, { database })
    expect(await keywardJson(topUp, { database })).toMatchObject({ balance: 500 })
    expect(await keywardJson(['credits', 'set', '--owner', 'acme', '--refill', '1000'], { database })).toMatchObject({
      refill: { amount: 1000, mode: 'to', every: 'month' },
    })
    const { items } = await keywardJson<{ items: object[] }>(['credits', 'movements', '--owner', 'acme'], { database })
    expect(items.at(-1)).toMatchObject({
      kind: 'top_up',
      amount: 500,
      operation: 'invoice-17',
      actor: expect.stringMatching(/^cli:/),
    })
    expect((await keyward(['credits', 'show'], { database })).code).toBe(2)
  })
})
