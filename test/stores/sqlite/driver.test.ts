import Module from 'node:module'
import { afterEach, describe, expect, it } from 'vitest'
import { ConfigError } from '../../../src/model/errors.ts'
import { loadDriver } from '../../../src/stores/sqlite/driver.ts'
import { sqlite } from '../../../src/stores/sqlite/sqlite.ts'
import { temporaryFile } from './temporary-files.ts'

interface Loader {
  _load(name: string, ...rest: unknown[]): unknown
}
const loader = Module as unknown as Loader
const load = loader._load

afterEach(() => {
  loader._load = load
})

/** Installs these modules, for as long as the test lasts, and no other driver. Returns the names that were asked for. */
function install(modules: Record<string, unknown>): string[] {
  const asked: string[] = []
  loader._load = (name, ...rest) => {
    if (!/sqlite|libsql/.test(name)) return load(name, ...rest)
    asked.push(name)
    if (name in modules) return modules[name]
    throw new Error(`Cannot find module '${name}'`)
  }
  return asked
}

class Fake {
  readonly path: string
  constructor(path: string) {
    this.path = path
  }
}
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
const isOldNode = major < 22 || (major === 22 && minor < 14)

describe('the search for a SQLite driver', () => {
  it('takes node:sqlite first, then better-sqlite3, then libsql', () => {
    const betterSqlite3 = { 'better-sqlite3/package.json': { version: '12.4.1' }, 'better-sqlite3': Fake }
    const first = install({ 'node:sqlite': { DatabaseSync: Fake }, ...betterSqlite3, libsql: Fake })
    expect(loadDriver()('a.db')).toMatchObject({ path: 'a.db' })
    expect(first).toEqual(['node:sqlite'])
    const second = install({ ...betterSqlite3, libsql: Fake })
    expect(loadDriver()('b.db')).toMatchObject({ path: 'b.db' })
    expect(second).toEqual(['node:sqlite', 'better-sqlite3/package.json', 'better-sqlite3'])
    const last = install({ libsql: Fake })
    expect(loadDriver()('c.db')).toMatchObject({ path: 'c.db' })
    expect(last).toEqual(['node:sqlite', 'better-sqlite3/package.json', 'libsql'])
  })

  it('never loads better-sqlite3 13 where it would end the process', () => {
    const asked = install({
      'better-sqlite3/package.json': { version: '13.0.0' },
      'better-sqlite3': Fake,
      libsql: Fake,
    })
    loadDriver()
    expect(asked.includes('better-sqlite3')).toBe(!isOldNode)
    expect(asked.includes('libsql')).toBe(isOldNode)
  })

  it('says what to install where there is none, and touches no file', async () => {
    install({})
    const failure = await sqlite(temporaryFile())
      .open()
      .catch((error: unknown) => error)
    expect(failure).toBeInstanceOf(ConfigError)
    expect((failure as Error).message).toMatch(/npm install libsql.*Node\.js 22\.13.*Cannot find module 'libsql'/)
  })
})
