import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { type CreatedKey, createKeyward, type Key, type KeyState } from 'keyward'
import { sqlite } from 'keyward/sqlite'
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { entryAt } from '../audit/entries.ts'
import { until } from '../servers/until.ts'
import { temporaryFile } from '../stores/sqlite/temporary-files.ts'
import { environmentOf, finished, keyward, keywardJson, program, start } from './command-line.ts'

/** More than pipes hold: 4 MB as JSON Lines. */
const ENTRIES = 20_000

const file = temporaryFile()
const here = { database: `sqlite:${file}` }

beforeAll(async () => {
  expect((await keyward(['migrate'], here)).code).toBe(0)
  const store = sqlite(file)
  await store.open()
  await store.appendAudit(Array.from({ length: ENTRIES }, () => entryAt(Date.now())))
  await store.close()
})

const interrupt = (child: ChildProcessWithoutNullStreams) => child.kill('SIGINT')

describe('SIGINT', () => {
  it('ends an export with 130, after a whole line, and with a word that it is not all', async () => {
    const child = start(['audit', 'export'], here)
    child.stdout.once('data', () => interrupt(child))
    const { code, stdout, stderr } = await finished(child)
    expect([code, stderr]).toEqual([130, 'keyward: Interrupted.\n'])
    expect(stdout.endsWith('\n')).toBe(true)
    const lines = stdout.trimEnd().split('\n')
    for (const line of lines) expect(JSON.parse(line)).toMatchObject({ owner: 'acme', action: 'key.updated' })
    expect(lines.length).toBeLessThan(ENTRIES)
  })

  it('leaves a JSON document without its end, which nobody can take for a whole one', async () => {
    const child = start(['audit', 'list', '--all', '--json'], here)
    child.stdout.once('data', () => interrupt(child))
    const { code, stdout } = await finished(child)
    expect(code).toBe(130)
    expect(() => JSON.parse(stdout)).toThrow(SyntaxError)
  })

  it('ends an export whose reader takes nothing', async () => {
    const child = start(['audit', 'export'], here)
    child.stdout.pause().on('readable', () => {})
    let fullFor = 0
    await until('no more fits into the pipe', () => {
      fullFor = child.stdout.readableLength < child.stdout.readableHighWaterMark ? 0 : fullFor + 1
      return fullFor === 50
    })
    interrupt(child)
    expect(await once(child, 'exit')).toEqual([130, null])
    child.stdout.destroy()
  })

  it('ends what waits on a server that hangs, the second time at once', async () => {
    const sockets = new Set<Socket>()
    const server = createServer((socket) => sockets.add(socket.on('error', () => {}))).listen(0, '127.0.0.1')
    onTestFinished(() => {
      for (const socket of sockets) socket.destroy()
      server.close()
    })
    await once(server, 'listening')
    const database = `postgres://app@127.0.0.1:${(server.address() as AddressInfo).port}/app`
    const startHanging = async (words: readonly string[]) => {
      const connected = once(server, 'connection')
      const child = start(words, { database })
      await connected
      interrupt(child)
      return child
    }
    const patient = await startHanging(['audit', 'verify'])
    const impatient = await startHanging(['keys', 'purge', '--owner', 'acme', '--yes'])
    const again = setInterval(() => interrupt(impatient), 50)
    expect(await finished(impatient)).toEqual({ code: 130, stdout: '', stderr: '' })
    clearInterval(again)
    expect(await finished(patient)).toEqual({ code: 130, stdout: '', stderr: 'keyward: Interrupted.\n' })
  })

  it('ends a change of many keys between two of them, and the same command does the rest', async () => {
    const local = createKeyward({ store: sqlite(file) })
    onTestFinished(() => local.close())
    const owner = 'many'
    for (let each = 0; each < 800; each += 1) await local.keys.create({ owner, name: `Key ${each}` })
    const count = async (state: KeyState) => {
      const { items } = await keywardJson<{ items: Key[] }>(
        ['keys', 'list', '-o', owner, '--state', state, '--all'],
        here,
      )
      return items.length
    }
    const child = start(['keys', 'revoke', '--owner', owner, '--yes'], here)
    const ended = finished(child)
    await until('the first key is revoked', async () => {
      const { items } = await local.keys.list({ owner, state: 'revoked', limit: 1 })
      return items.length > 0
    })
    interrupt(child)
    expect(await ended).toMatchObject({ code: 130, stdout: '', stderr: 'keyward: Interrupted.\n' })
    const revoked = await count('revoked')
    expect(revoked).toBeGreaterThan(0)
    expect(revoked + (await count('active'))).toBe(800)
    const rest = await keyward(['keys', 'revoke', '--owner', owner, '--yes'], here)
    expect(rest).toMatchObject({ code: 0, stdout: expect.stringContaining(`Revoked ${800 - revoked} keys.`) })
  })

  it.skipIf(!existsSync('/usr/bin/script') && !process.env['CI'])(
    'at a question changes nothing, whatever is typed after it, and leaves the terminal as it was',
    async () => {
      const { id } = await keywardJson<CreatedKey>(['keys', 'create', '-o', 'acme', '-n', 'Asked'], here)
      for (const [words, question] of [
        [['keys', 'revoke', id], '[y/N]'],
        [['keys', 'show', '--stdin'], '(not shown)'],
      ] as const) {
        const command = `stty -a; ${[...program, ...words].join(' ')}; echo "code $?"; stty -a`
        const child = spawn('/usr/bin/script', ['-qc', command, '/dev/null'], { env: environmentOf(here) })
        child.stdout.on('data', (part) => String(part).includes(question) && child.stdin.write('\u0003y\n'))
        const { stdout } = await finished(child)
        const [said, code, after] = stdout.split(/code (\d+)\r\n/)
        expect([code, said]).toEqual(['130', expect.stringContaining(`${question}`)])
        expect(said).toMatch(/keyward:\S* Interrupted\.\r\n$/)
        expect(after).toMatch(/^speed .* icanon .* echo /s)
        expect(said?.startsWith(after ?? '')).toBe(true)
      }
      expect((await keywardJson<Key>(['keys', 'show', id], here)).state).toBe('active')
    },
  )
})
