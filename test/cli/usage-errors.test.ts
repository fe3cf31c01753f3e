import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { PassThrough } from 'node:stream'
import { type CreatedKey, createKeyward, type Key } from 'keyward'
import { sqlite } from 'keyward/sqlite'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { confirm } from '../../src/cli/confirm.ts'
import { createRedaction } from '../../src/cli/redaction.ts'
import { createTerminal } from '../../src/cli/terminal.ts'
import { jsonText, visible } from '../../src/cli/visible-text.ts'
import { temporaryFile } from '../stores/sqlite/temporary-files.ts'
import { environmentOf, finished, keyward, keywardJson, keywardProcess, program, start } from './command-line.ts'

const file = temporaryFile()
/** A signal that interrupts nothing. */
const never = new AbortController().signal
const here = { database: `sqlite:${file}` }
let key: CreatedKey

beforeAll(async () => {
  expect((await keyward(['migrate'], here)).code).toBe(0)
  key = await keywardJson<CreatedKey>(['keys', 'create', '--owner', 'acme', '--name', 'Production'], here)
})

describe('exit codes', () => {
  it.each([
    ['an unknown command, with a suggestion', ['keys', 'lst'], 2, 'Did you mean list?'],
    ['an unknown option, with a suggestion', ['keys', 'list', '--ownr', 'a'], 2, 'Did you mean --owner?'],
    ['a missing option', ['keys', 'create', '--name', 'x'], 2, '--owner'],
    [
      'a key that is not there',
      ['keys', 'show', 'key_00000000000000000000000000'],
      3,
      'There is no such key or owner.',
    ],
    ['input that breaks a rule', ['keys', 'create', '-o', 'acme', '-n', ' x'], 2, 'white space'],
    ['a time that is none', ['keys', 'create', '-o', 'a', '-n', 'x', '--expires', 'soon'], 2, '--expires must be'],
    ['a purge that nobody can be asked about', ['keys', 'purge', '--owner', 'acme'], 2, 'add --yes'],
    ['a number out of range', ['keys', 'list', '--limit', '0'], 2, '--limit must be a whole number from 1'],
    [
      'a policy that does not exist',
      ['keys', 'create', '-o', 'a', '-n', 'x', '-p', 'gone'],
      2,
      'is not a policy that exists',
    ],
  ])('%s', async (_what, words, code, said) => {
    const ended = await keyward(words, here)
    expect(ended.code).toBe(code)
    expect(ended.stdout).toBe('')
    expect(ended.stderr).toContain(said)
    expect(ended.stderr).not.toMatch(/^ +at /m)
  })

  it('4 for what stands in the way: a version that is another one, and a key that was revoked', async () => {
    const { id } = await keywardJson<Key>(['keys', 'create', '-o', 'acme', '-n', 'Ended'], here)
    expect((await keyward(['keys', 'revoke', id, '--yes', '--if-version', '7'], here)).code).toBe(4)
    expect((await keyward(['keys', 'revoke', id, '--yes'], here)).code).toBe(0)
    expect(await keyward(['keys', 'rotate', id], here)).toMatchObject({
      code: 4,
      stderr: 'keyward: A key that is revoked cannot be rotated.\n',
    })
  })

  it('2 where nothing says where to go, with what to do', async () => {
    const { code, stderr } = await keyward(['keys', 'list'])
    expect(code).toBe(2)
    expect(stderr).toContain('keyward init')
  })

  it('1 for a database without tables, of which no file is made; a destructive command without --yes changes nothing', async () => {
    const missing = temporaryFile()
    const { code, stderr } = await keyward(['keys', 'list'], { database: `sqlite:${missing}` })
    expect(code).toBe(1)
    expect(stderr).toContain('keyward migrate')
    expect(existsSync(missing)).toBe(false)
    await keyward(['keys', 'revoke', key.id], here)
    expect((await keywardJson<Key>(['keys', 'show', key.id], here)).state).toBe('active')
  })
})

describe('secrets', () => {
  it('refuses a key among its arguments, and does not repeat it', async () => {
    const { code, stdout, stderr } = await keyward(['keys', 'show', key.apiKey], here)
    expect(code).toBe(2)
    expect(stderr).toContain('--stdin')
    expect(stdout + stderr).not.toContain(key.apiKey.slice(12))
  })

  it('shows the password of no address, not even in the whole error', async () => {
    const password = 'correct-horse-battery'
    const database = `postgres://app:${password}@127.0.0.1:1/app`
    for (const words of [['keys', 'list', '--debug'], ['doctor'], ['doctor', '--json'], ['migrate', '--debug']]) {
      const { code, stdout, stderr } = await keyward(words, { database })
      expect([1, 6]).toContain(code)
      expect(stdout + stderr).toContain('ECONNREFUSED')
      expect(stdout + stderr).not.toContain(password)
    }
    const wrong = await keyward(['keys', 'list'], { database: `oracle://app:${password}@db/app` })
    expect(wrong).toEqual({
      code: 2,
      stdout: '',
      stderr: 'keyward: DATABASE_URL must be sqlite:PATH, postgres://… or mysql://….\n',
    })
  })

  it('takes passwords, raw and decoded, and keys out of any message', () => {
    const redact = createRedaction(['postgres://app:p%40ss%2Fword@db/app', undefined])
    const text = `tried p@ss/word, p%40ss%2Fword, mysql://u:other@h/d and ${key.apiKey}`
    expect(redact(text)).toBe('tried ***, ***, mysql://***@h/d and ***')
  })

  it('imports a key from stdin, finds it by its value, and prints it nowhere', async () => {
    const old = `legacy-${'abc123'.repeat(8)}`
    const imported = await keyward(['keys', 'import', '-o', 'acme', '-n', 'Old'], { ...here, input: `${old}\n` })
    expect(imported.code).toBe(0)
    expect(imported.stdout + imported.stderr).not.toContain(old)
    const found = await keywardJson<Key>(['keys', 'show', '--stdin'], { ...here, input: old })
    expect(found).toMatchObject({ name: 'Old', start: 'legacy-abc12' })
    expect((await keyward(['keys', 'show', '--stdin'], { ...here, input: `${old}x` })).code).toBe(3)
    const short = await keyward(['keys', 'import', '-o', 'acme', '-n', 'Short'], { ...here, input: 'only-15-letters' })
    expect([short.code, short.stderr]).toEqual([2, 'keyward: The key on stdin is too short to be one.\n'])
    expect((await keyward(['keys', 'show', '--stdin'], { ...here, input: '' })).code).toBe(2)
  })
})

describe('output', () => {
  it('is one JSON document for lists, by pages of any number', async () => {
    const owner = 'many'
    const store = sqlite(file)
    const local = createKeyward({ store })
    for (let each = 0; each < 205; each++) await local.keys.create({ owner, name: `Key ${each}` })
    await local.close()
    type List = { items: Key[]; nextCursor: string | null }
    const all = await keywardJson<List>(['keys', 'list', '--owner', owner, '--all'], here)
    expect(all.items).toHaveLength(205)
    expect(new Set(all.items.map(({ id }) => id)).size).toBe(205)
    expect(all.nextCursor).toBeNull()
    const some = await keywardJson<List>(['keys', 'list', '--owner', owner, '--limit', '120'], here)
    const rest = await keywardJson<List>(
      ['keys', 'list', '--owner', owner, '--cursor', String(some.nextCursor), '--all'],
      here,
    )
    expect([...some.items, ...rest.items].map(({ id }) => id)).toEqual(all.items.map(({ id }) => id))
    expect(await keywardJson(['keys', 'list', '--owner', 'nobody'], here)).toEqual({ items: [], nextCursor: null })
    const table = await keyward(['keys', 'list', '--owner', owner, '--all'], here)
    expect(table.stdout.trimEnd().split('\n')).toHaveLength(206)
  })

  it('ends quietly where its reader has seen enough', async () => {
    const child = start(['keys', 'list', '--all', '--json'], here)
    child.stdout.once('data', () => child.stdout.destroy())
    let stderr = ''
    child.stderr.on('data', (part) => {
      stderr += part
    })
    const code = await new Promise((done) => child.once('exit', done))
    expect([code, stderr]).toEqual([0, ''])
  })

  it('has no colour in a pipe, and none with NO_COLOR', async () => {
    const { stdout } = await keywardProcess(['keys', 'list'], { ...here, variables: { FORCE_COLOR: '1' } })
    expect(stdout).not.toContain('\u001B')
    const tty = Object.assign(new PassThrough(), { isTTY: true })
    const streams = { stdin: new PassThrough(), stdout: tty, stderr: tty }
    expect(createTerminal(streams, {}, String, never).style('red', 'x')).toBe('\u001B[31mx\u001B[39m')
    expect(createTerminal(streams, { NO_COLOR: '1' }, String, never).style('red', 'x')).toBe('x')
  })

  it('lets no name move the cursor, colour the screen, break a line or turn text around', () => {
    const hostile = '\u001B[2Ja\u009B31m\r\nb\u202Ec\u200B\u2028\u0007\uD800'
    expect(visible(hostile)).toBe('\\x1b[2Ja\\x9b31m\\r\\nb\\u{202e}c\\u{200b}\\u{2028}\\x07\\u{d800}')
    const json = jsonText({ name: hostile })
    expect(json).toMatch(/^[\n\x20-\x7E]+$/)
    expect(JSON.parse(json)).toEqual({ name: hostile })
    expect(visible('日本語 é 👩‍🚀'.normalize())).toContain('日本語 é ')
  })

  it('keeps a hostile actor, owner or name in one row of a table', async () => {
    const path = temporaryFile()
    const store = sqlite(path)
    await store.open()
    const at = new Date()
    const hostile = 'evil\u001B]0;owned\u0007\nkeyward: fine'
    const draft = {
      action: 'manage.refused',
      owner: '',
      keyId: null,
      address: null,
      requestId: null,
      at,
      details: {},
    } as const
    await store.appendAudit([{ ...draft, actor: hostile }])
    await store.close()
    const { stdout } = await keyward(['audit', 'list'], { database: `sqlite:${path}` })
    expect(stdout.trimEnd().split('\n')).toHaveLength(2)
    expect(stdout).toContain('evil\\x1b]0;owned\\x07\\nkeyward: fine')
    const { items } = await keywardJson<{ items: { actor: string }[] }>(['audit', 'list'], {
      database: `sqlite:${path}`,
    })
    expect(items[0]?.actor).toBe(hostile)
  })

  it('helps: every command has examples, and no line is longer than 100 columns', async () => {
    const commands = [
      [],
      ['keys'],
      ['keys', 'create'],
      ['keys', 'revoke'],
      ['audit', 'verify'],
      ['usage'],
      ['doctor'],
      ['credits', 'set'],
    ]
    for (const words of commands) {
      const { code, stdout } = await keyward([...words, '--help'])
      expect(code).toBe(0)
      expect(Math.max(...stdout.split('\n').map((line) => line.length))).toBeLessThanOrEqual(100)
      if (words.length !== 1 || words[0] === 'usage') expect(stdout).toContain('Examples:')
    }
    expect((await keyward(['--version'])).stdout).toMatch(/^\d+\.\d+\.\d+\n$/)
  })
})

describe('a confirmation', () => {
  async function answer(typed: string, expected?: string): Promise<unknown> {
    const stdin = Object.assign(new PassThrough(), { isTTY: true })
    const stderr = Object.assign(new PassThrough(), { isTTY: true })
    stderr.resume()
    const terminal = createTerminal({ stdin, stdout: new PassThrough(), stderr }, {}, String, never)
    const asked = confirm(terminal, false, 'Purge it?', expected)
    stdin.end(typed)
    return asked.then(
      () => 'confirmed',
      (error: unknown) => (error as Error).message,
    )
  }

  it('takes y and yes, and nothing else for a yes', async () => {
    expect(await answer('y\n')).toBe('confirmed')
    expect(await answer('YES\n')).toBe('confirmed')
    for (const typed of ['\n', 'n\n', 'yep\n', '']) expect(await answer(typed)).toBe('Nothing was changed.')
  })

  it('takes the name that a purge asks for, and no yes', async () => {
    expect(await answer('Production\n', 'Production')).toBe('confirmed')
    expect(await answer('yes\n', 'Production')).toBe('Nothing was changed.')
  })

  it.skipIf(!existsSync('/usr/bin/script') && !process.env['CI'])('asks at a terminal', async () => {
    const { id } = await keywardJson<Key>(['keys', 'create', '-o', 'acme', '-n', 'Asked'], here)
    for (const [typed, state] of [
      ['n\n', 'active'],
      ['y\n', 'revoked'],
    ]) {
      const command = [...program, 'keys', 'revoke', id].join(' ')
      const child = spawn('/usr/bin/script', ['-qec', command, '/dev/null'], { env: environmentOf(here) })
      child.stdout.on('data', (part) => String(part).includes('[y/N]') && child.stdin.write(typed ?? ''))
      const { stdout } = await finished(child)
      expect(stdout).toContain(`Revoke ${id} (Asked) of acme?`)
      expect((await keywardJson<Key>(['keys', 'show', id], here)).state).toBe(state)
    }
  })
})

afterAll(() => {
  expect(existsSync(file)).toBe(true)
})
