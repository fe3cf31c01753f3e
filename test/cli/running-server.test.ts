import { userInfo } from 'node:os'
import type { AuditEntry, CreatedKey, Key } from 'keyward'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type ExampleProcess, startExample } from '../crash/example-process.ts'
import { until } from '../servers/until.ts'
import { temporaryFile } from '../stores/sqlite/temporary-files.ts'
import { keyward, keywardJson, keywardProcess } from './command-line.ts'

const file = temporaryFile()
const beside = { database: `sqlite:${file}` }
let server: ExampleProcess

beforeAll(async () => {
  server = await startExample('pipevideo', file)
})
afterAll(() => server.kill())

async function statusWith(apiKey: string): Promise<number> {
  const headers = { Authorization: `Bearer ${apiKey}`, 'Content-Type': 'application/json' }
  const body = JSON.stringify({ model: 'pv-1', prompt: 'A quiet lake' })
  const response = await fetch(`${server.url}/v1/video/generations`, { method: 'POST', headers, body })
  await response.text()
  return response.status
}

const create = (name: string) => keywardJson<CreatedKey>(['keys', 'create', '--owner', 'acme', '--name', name], beside)

describe('the command line beside a running server', () => {
  it('makes keys of the format and with the policies of the server, which admits them at once', async () => {
    const created = await create('First')
    expect(created).toMatchObject({ owner: 'acme', name: 'First', policies: ['default'], state: 'active' })
    expect(created.apiKey).toMatch(/^pv_/)
    expect(await statusWith(created.apiKey)).toBe(200)
  })

  it('prints the key once, alone on stdout, and says on stderr what it is', async () => {
    const { code, stdout, stderr } = await keywardProcess(['keys', 'create', '-o', 'acme', '-n', 'Alone'], beside)
    expect(code).toBe(0)
    expect(stdout).toMatch(/^pv_[0-9A-Za-z]+\n$/)
    expect(stderr).toMatch(/^Created key_\w{26} for acme\./)
    expect(stderr).not.toContain(stdout.trim())
    expect(await statusWith(stdout.trim())).toBe(200)
    const shown = await keywardProcess(['keys', 'show', '--stdin'], { ...beside, input: stdout })
    expect(shown.code).toBe(0)
    expect(shown.stdout + shown.stderr).not.toContain(stdout.trim())
    expect(shown.stdout).toContain('Alone')
  })

  it('revokes a key that the server has in use, and the server refuses it at once', async () => {
    const { id, apiKey } = await create('Revoked here')
    expect(await statusWith(apiKey)).toBe(200)
    const { code, stdout } = await keywardProcess(['keys', 'revoke', id, '--yes'], beside)
    expect(await statusWith(apiKey)).toBe(401)
    expect(code).toBe(0)
    expect(stdout).toBe(
      `Revoked ${id} (Revoked here). It is in force on every instance, for every request that begins from now on.\n`,
    )
  })

  it('sees at once what the server changes', async () => {
    const { id } = await create('Revoked there')
    await server.manage('POST', `/keys/${id}/disable`)
    expect((await keywardJson<Key>(['keys', 'show', id], beside)).state).toBe('disabled')
    await server.manage('POST', `/keys/${id}/revoke`)
    expect((await keywardJson<Key>(['keys', 'show', id], beside)).state).toBe('revoked')
    const made = await server.manage('POST', '/keys', { owner: 'acme', name: 'Made there' })
    const { id: there } = (await made.json()) as { id: string }
    const { items } = await keywardJson<{ items: Key[] }>(['keys', 'list', '--owner', 'acme'], beside)
    expect(items.map(({ id: listed }) => listed)).toContain(there)
  })

  it('rotates with a grace period: both keys work, and then the new one alone', async () => {
    const old = await create('Rotated')
    const next = await keywardJson<CreatedKey & { previous: Key; fenced: boolean }>(
      ['keys', 'rotate', old.id, '--grace', '1h'],
      beside,
    )
    expect(next).toMatchObject({ fenced: true, rotatedFrom: old.id, previous: { id: old.id, rotatedTo: next.id } })
    expect([await statusWith(old.apiKey), await statusWith(next.apiKey)]).toEqual([200, 200])
    expect((await keyward(['keys', 'revoke', old.id, '-y'], beside)).code).toBe(0)
    expect([await statusWith(old.apiKey), await statusWith(next.apiKey)]).toEqual([401, 200])
  })

  it('disables, enables, deletes and purges', async () => {
    const { id, apiKey } = await create('Paused')
    expect((await keyward(['keys', 'disable', id], beside)).code).toBe(0)
    expect(await statusWith(apiKey)).toBe(401)
    expect((await keyward(['keys', 'enable', id], beside)).code).toBe(0)
    expect(await statusWith(apiKey)).toBe(200)
    // The example's keys.onDelete is 'purge', which the command line knows from the server.
    expect((await keyward(['keys', 'delete', id, '--yes'], beside)).code).toBe(0)
    expect(await statusWith(apiKey)).toBe(401)
    expect((await keyward(['keys', 'show', id], beside)).code).toBe(3)
    const purged = await create('Purged')
    expect((await keyward(['keys', 'purge', purged.id, '--yes'], beside)).code).toBe(0)
    expect(await statusWith(purged.apiKey)).toBe(401)
  })

  it('is an actor of the audit trail, by the name of the user or as it is told', async () => {
    const { id } = await create('Audited')
    await keyward(['keys', 'revoke', id, '--yes', '--actor', 'incident-17'], beside)
    const { items } = await keywardJson<{ items: AuditEntry[] }>(['audit', 'list', '--key', id], beside)
    expect(items.map(({ action, actor }) => [action, actor])).toEqual([
      ['key.revoked', 'incident-17'],
      ['key.created', `cli:${userInfo().username}`],
    ])
  })

  it('stops all keys of an owner, and tells of each in JSON', async () => {
    const keys = await Promise.all(
      [1, 2, 3].map((each) => keywardJson<CreatedKey>(['keys', 'create', '-o', 'bulk', '-n', `Key ${each}`], beside)),
    )
    const { items } = await keywardJson<{ items: { id: string; ok: boolean; fenced: boolean }[] }>(
      ['keys', 'revoke', '--owner', 'bulk', '--yes'],
      beside,
    )
    expect(items).toHaveLength(3)
    expect(items.every(({ ok, fenced }) => ok && fenced)).toBe(true)
    for (const { apiKey } of keys) expect(await statusWith(apiKey)).toBe(401)
  })

  it('edits a policy, which the server goes by within a second', async () => {
    const stored = await keyward(
      ['policies', 'set', 'uploads', '--window', '5/1s', '--window', '1000/1d/owner'],
      beside,
    )
    expect(stored).toMatchObject({
      code: 0,
      stdout: 'Stored uploads: 5 in 1s, 1000 in 1d per owner. Servers use it within a second.\n',
    })
    const listed = await server.manage('GET', '/policies')
    expect(JSON.stringify(await listed.json())).toContain('"uploads"')
    const { items } = await keywardJson<{ items: { name: string }[] }>(['policies', 'list'], beside)
    expect(items.map(({ name }) => name)).toEqual(['default', 'uploads'])
  })

  it('shows what the server has counted, and ranks apps', async () => {
    const { id } = await create('Counted')
    await until('usage is written', async () => {
      const { totals } = await keywardJson<{ totals: { requests: number } }>(['usage', '--owner', 'acme'], beside)
      return totals.requests > 0
    })
    const { code, stdout } = await keyward(['usage', '--by', 'key', '--from', '2h', '--limit', '3'], beside)
    expect(code).toBe(0)
    expect(stdout).toMatch(/^Requests +\d+$/m)
    expect(stdout).toMatch(/^KEY +NAME +REQUESTS/m)
    expect((await keyward(['usage', 'apps', '--limit', '3', '--from', '7d'], beside)).code).toBe(0)
    const one = await keywardJson<{ totals: { requests: number }; groups: unknown[] }>(['usage', '--key', id], beside)
    expect(one).toMatchObject({ totals: { requests: 0 }, groups: [] })
  })

  it('takes no lease: the doctor names the server that holds it', async () => {
    const { checks } = await keywardJson<{ checks: { name: string; status: string; found: string }[] }>(
      ['doctor'],
      beside,
    )
    expect(checks.find(({ name }) => name === 'serving')).toMatchObject({
      status: 'ok',
      found: expect.stringContaining(`process ${server.child.pid} `),
    })
    expect(checks.find(({ name }) => name === 'servers')?.status).toBe('ok')
    expect(checks.filter(({ status }) => status === 'fail')).toEqual([])
  })
})
