import { Redis } from 'ioredis'
import { createKeyward, type Keyward, type KeywardOptions } from 'keyward'
import { postgres } from 'keyward/postgres'
import { redis } from 'keyward/redis'
import { sessions } from 'keyward/sessions'
import { sqlite } from 'keyward/sqlite'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { createDatabase, startPostgres } from '../servers/postgres.ts'
import { startRedis } from '../servers/redis.ts'
import type { Server } from '../servers/server.ts'
import { temporaryFile } from '../stores/sqlite/temporary-files.ts'
import { outcomeOf } from '../visit.ts'
import { signingKeys } from './session-kit.ts'

let database: Server
let cache: Server
beforeAll(async () => {
  ;[database, cache] = await Promise.all([startPostgres(), startRedis()])
})
afterAll(async () => {
  await Promise.all([database?.stop(), cache?.stop()])
})

/** How two instances are put together: what each of them is made of. */
const deployments: Readonly<Record<string, () => Promise<() => Pick<KeywardOptions, 'store' | 'gate'>>>> = {
  'Postgres alone': async () => {
    const url = await createDatabase(database)
    return () => ({ store: postgres(poolOf(url)) })
  },
  'Postgres and Redis': async () => {
    const url = await createDatabase(database)
    return () => ({ store: postgres(poolOf(url)), gate: redis(clientOf(cache.url)) })
  },
}

function poolOf(connectionString: string): pg.Pool {
  const pool = new pg.Pool({ connectionString, max: 4 })
  onTestFinished(() => pool.end())
  return pool
}

function clientOf(url: string): Redis {
  const client = new Redis(url, { maxRetriesPerRequest: 0, autoResendUnfulfilledCommands: false })
  onTestFinished(() => client.disconnect())
  return client
}

function instanceOf(parts: Pick<KeywardOptions, 'store' | 'gate'>): Keyward {
  const signer = sessions({ issuer: 'https://api.test', audience: 'api.test', signingKeys: [signingKeys.EdDSA] })
  const limits = { policies: { default: [{ limit: 40, windowSeconds: 3_600 }] } }
  const keyward = createKeyward({ ...parts, sessions: signer, limits })
  onTestFinished(() => keyward.close())
  return keyward
}

describe.each(Object.entries(deployments))('session tokens of two instances on %s', (_name, deploy) => {
  it('are good on both, and dead on both as soon as a change to their key has resolved on one', async () => {
    const parts = await deploy()
    const [one, two] = [instanceOf(parts()), instanceOf(parts())]
    const { id } = await one.keys.create({ owner: 'org_1', name: 'first', scopes: ['a', 'b'] })
    const { token } = await one.sessions.mint({ keyId: id })
    const ask = (keyward: Keyward, ...scopes: string[]) => outcomeOf(keyward, token, { accept: ['session'], scopes })
    for (const keyward of [one, two, one, two]) expect(await ask(keyward, 'a')).toBe('admitted')
    expect(await one.keys.update(id, { scopes: ['b'] })).toMatchObject({ fenced: true })
    expect([await ask(two, 'a'), await ask(two, 'b')]).toEqual(['insufficient_scope', 'admitted'])
    await two.keys.disable(id)
    expect([await ask(one), await ask(two)]).toEqual(['invalid_session_token', 'invalid_session_token'])
    await one.keys.enable(id)
    expect([await ask(two), await ask(one)]).toEqual(['admitted', 'admitted'])
    expect(await one.keys.revoke(id)).toMatchObject({ fenced: true })
    for (const keyward of [two, one, two]) expect(await ask(keyward)).toBe('invalid_session_token')
  })

  it('spend one window with their key, wherever they are shown: 40 of 60 at once', async () => {
    const parts = await deploy()
    const [one, two] = [instanceOf(parts()), instanceOf(parts())]
    const { id, apiKey } = await one.keys.create({ owner: 'org_1', name: 'first' })
    const minted = await Promise.all([one, two].map((keyward) => keyward.sessions.mint({ keyId: id })))
    const shown = [apiKey, ...minted.map(({ token }) => token)]
    const requests = Array.from({ length: 60 }, (_, at) =>
      outcomeOf(at % 2 === 0 ? one : two, shown[at % 3] ?? '', { accept: ['key', 'session'] }),
    )
    const outcomes = await Promise.all(requests)
    expect(outcomes.filter((outcome) => outcome === 'admitted')).toHaveLength(40)
    expect(outcomes.filter((outcome) => outcome === 'rate_limit_exceeded')).toHaveLength(20)
  })
})

describe('session tokens on one SQLite file', () => {
  it('are dead as soon as somebody else on the file has revoked their key', async () => {
    const file = temporaryFile()
    const [serving, managing] = [instanceOf({ store: sqlite(file) }), instanceOf({ store: sqlite(file) })]
    const { id } = await serving.keys.create({ owner: 'org_1', name: 'first' })
    const { token } = await serving.sessions.mint({ keyId: id })
    const ask = () => outcomeOf(serving, token, { accept: ['session'] })
    expect(await ask()).toBe('admitted')
    await managing.keys.disable(id)
    expect(await ask()).toBe('invalid_session_token')
    await managing.keys.enable(id)
    expect(await ask()).toBe('admitted')
    await managing.keys.revoke(id)
    expect(await ask()).toBe('invalid_session_token')
  })
})
