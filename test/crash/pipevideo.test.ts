import { once } from 'node:events'
import { Agent, get } from 'node:http'
import { connect, type Socket } from 'node:net'
import { createKeyward, type KeyRecord, type KeyStore, type Keyward, pipevideo } from 'keyward'
import { sqlite } from 'keyward/sqlite'
import Database from 'libsql'
import { afterEach, describe, expect, it } from 'vitest'
import { chainOf, firstBrokenLink } from '../audit-chain.ts'
import { temporaryFile } from '../stores/sqlite/temporary-files.ts'
import { outcomeOf } from '../visit.ts'
import { type ExampleProcess, startExample } from './example-process.ts'

const isLong = process.env['KEYWARD_LONG'] !== undefined
const ROUNDS = isLong ? 20 : 5
const CHANGES_A_ROUND = 200
const WORKERS = 8

const running: ExampleProcess[] = []
afterEach(async () => {
  for (const example of running.splice(0)) if (example.child.exitCode === null) example.child.kill('SIGKILL')
})

async function start(file: string): Promise<ExampleProcess> {
  const example = await startExample('pipevideo', file)
  running.push(example)
  return example
}

interface Acknowledged {
  readonly created: Map<string, string>
  readonly revoked: Set<string>
}

/** Creates keys and revokes every other one until the process is gone, and notes what was acknowledged. */
async function changeUntilKilled(example: ExampleProcess, acknowledged: Acknowledged): Promise<void> {
  let changes = 0
  const isEnough = () => changes >= CHANGES_A_ROUND
  async function work(): Promise<void> {
    for (let turn = 0; example.child.exitCode === null && !example.child.killed; turn++) {
      const created = await example.manage('POST', '/keys', { owner: 'crash', name: 'crash' })
      const { id, apiKey } = (await created.json()) as { id: string; apiKey: string }
      if (created.status === 201) acknowledged.created.set(id, apiKey)
      changes += 1
      if (turn % 2 === 0) {
        const revoked = await example.manage('POST', `/keys/${id}/revoke`)
        if (revoked.status === 200 && ((await revoked.json()) as { fenced: boolean }).fenced)
          acknowledged.revoked.add(id)
        changes += 1
      }
      if (isEnough()) example.child.kill('SIGKILL')
    }
  }
  const ended = once(example.child, 'exit')
  await Promise.allSettled(Array.from({ length: WORKERS }, work))
  await ended
}

async function recordsOf(store: KeyStore, owner: string): Promise<readonly KeyRecord[]> {
  const records: KeyRecord[] = []
  for (;;) {
    const page = await store.list({ owner, beforeId: records.at(-1)?.id, limit: 1_000, conditions: [] })
    records.push(...page)
    if (page.length < 1_000) return records
  }
}

describe('the example, killed with -9 while keys are created and revoked', () => {
  it('250: keeps every acknowledged change, each with its audit entry, and nothing by halves', async () => {
    const file = temporaryFile()
    const acknowledged: Acknowledged = { created: new Map(), revoked: new Set() }
    for (let round = 0; round < ROUNDS; round++) await changeUntilKilled(await start(file), acknowledged)
    expect(acknowledged.created.size + acknowledged.revoked.size).toBeGreaterThan((ROUNDS * CHANGES_A_ROUND) / 2)

    const store = sqlite(file)
    const keyward: Keyward = createKeyward({
      store,
      profile: pipevideo,
      limits: { policies: { default: [{ limit: 100, windowSeconds: 60 }] } },
    })
    await keyward.ready()
    const records = await recordsOf(store, 'crash')
    const chain = await chainOf(store, 'crash')
    const entriesOf = (action: string) => chain.filter((entry) => entry.action === action).map(({ keyId }) => keyId)

    const stored = new Map(records.map((record) => [record.id, record]))
    expect([...acknowledged.created.keys()].filter((id) => !stored.has(id))).toEqual([])
    expect([...acknowledged.revoked].filter((id) => stored.get(id)?.revokedAt == null)).toEqual([])
    expect(entriesOf('key.created').toSorted()).toEqual([...stored.keys()].toSorted())
    const revoked = records.filter(({ revokedAt }) => revokedAt !== null).map(({ id }) => id)
    expect(entriesOf('key.revoked').toSorted()).toEqual(revoked.toSorted())
    expect(chain).toHaveLength(records.length + revoked.length)
    expect(firstBrokenLink(chain)).toBeUndefined()

    for (const [id, apiKey] of [...acknowledged.created].slice(-50)) {
      const expected = stored.get(id)?.revokedAt === null ? 'admitted' : 'invalid_api_key'
      expect(await outcomeOf(keyward, apiKey)).toBe(expected)
    }
    await keyward.close()
    const database = new Database(file)
    expect(database.prepare('PRAGMA integrity_check').get()).toMatchObject({ integrity_check: 'ok' })
    database.close()
  })
})

describe('the example, told to end by SIGTERM under load', () => {
  it('241: answers what is in flight, and exits with 0', async () => {
    const example = await start(temporaryFile())
    const { port } = new URL(example.url)
    const created = await example.manage('POST', '/keys', { owner: 'load', name: 'load' })
    const { apiKey, id } = (await created.json()) as { apiKey: string; id: string }
    const body = JSON.stringify({ model: 'm', prompt: 'p' })

    /** Sends a request but for the last byte of its body: in flight until that comes. */
    async function begin(): Promise<Socket> {
      const socket = connect(Number(port), '127.0.0.1')
      await once(socket, 'connect')
      const head = `POST /v1/video/generations HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${apiKey}\r\n`
      socket.write(
        `${head}Content-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body.slice(0, -1)}`,
      )
      return socket
    }
    async function finish(socket: Socket): Promise<string> {
      let answer = ''
      socket.on('data', (chunk) => {
        answer += chunk
      })
      const closed = once(socket, 'close')
      socket.write(body.slice(-1))
      await closed
      return answer.split('\r\n')[0] ?? ''
    }

    const inFlight = await Promise.all(Array.from({ length: 20 }, begin))
    let remaining: number | undefined
    for (let look = 0; look < 100 && remaining !== 0; look++) {
      const looked = await fetch(`${example.url}/v1/video/generations/none`, {
        headers: { Authorization: `Bearer ${apiKey}` },
      })
      if (Number(looked.headers.get('x-ratelimit-remaining')) <= 100 - 20 - look - 1) remaining = 0
      else await new Promise((resolve) => setTimeout(resolve, 10))
    }
    expect(remaining).toBe(0)
    const ended = once(example.child, 'exit')
    example.child.kill('SIGTERM')
    await new Promise((resolve) => setTimeout(resolve, 100))
    await expect(fetch(`${example.url}/manage/keys/${id}`)).rejects.toThrow()
    const answers = await Promise.all(inFlight.map(finish))
    expect(new Set(answers)).toEqual(new Set(['HTTP/1.1 200 OK']))
    expect(await ended).toEqual([0, null])
  })

  it('241: lets go of a client that keeps its connection open and goes on asking', async () => {
    const example = await start(temporaryFile())
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    let isOver = false
    let answered = 0
    const ask = () =>
      new Promise<void>((resolve, reject) => {
        get(`${example.url}/v1/video/generations/none`, { agent }, (response) => response.resume().on('end', resolve))
          .on('error', reject)
          .end()
      })
    const asking = (async () => {
      while (!isOver) {
        await ask()
        answered += 1
      }
    })().catch(() => {})
    while (answered < 10) await new Promise((resolve) => setImmediate(resolve))
    const ended = once(example.child, 'exit')
    example.child.kill('SIGTERM')
    expect(await ended).toEqual([0, null])
    isOver = true
    await asking
    agent.destroy()
  })
})
