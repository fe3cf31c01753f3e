import { createHash } from 'node:crypto'
import { defaultProfile } from 'keyward'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { describeWith } from '../../servers/missing-servers.ts'
import { until } from '../../servers/until.ts'
import type { Instance } from './fleet.ts'
import { fleetServers, type GateKind } from './fleet-servers.ts'
import { report } from './report.ts'

const kinds: readonly GateKind[] = ['Redis', 'Redis Cluster', 'Postgres']
/** What is allowed on top of a second on a machine that is busy. */
const TOLERANCE_MS = 500

const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))

describeWith(['postgres', 'redis'], 'processes of one fleet', () => {
  const servers = fleetServers(kinds)

  describe.each(kinds)('on %s', (kind) => {
    let fleet: readonly Instance[] = []
    beforeAll(async () => {
      fleet = await servers.start(kind, 2, { policies: { default: [{ limit: 1, windowSeconds: 3_600 }] } })
    }, 120_000)
    afterAll(() => servers.stop(fleet))

    it('find a key that was created on another at once', async () => {
      for (let round = 0; round < 50; round++) {
        const [here, there] = [fleet[round % 2]!, fleet[(round + 1) % 2]!]
        const { apiKey } = await here.keys.create({ owner: 'acme', name: 'new' })
        expect(await there.ask(apiKey)).toBe('admitted')
      }
    })

    it('72: find a key that was imported on another at once, though it was asked for before', async () => {
      for (let round = 0; round < 50; round++) {
        const [here, there] = [fleet[round % 2]!, fleet[(round + 1) % 2]!]
        const apiKey = defaultProfile.keyFormat.make()
        expect(await there.ask(apiKey)).toBe('invalid_api_key')
        const digest = createHash('sha256').update(apiKey).digest('hex')
        await here.keys.import({ owner: 'acme', name: 'imported', digest })
        expect(await there.ask(apiKey)).toBe('admitted')
      }
    })

    it('63: refuse a scope that was taken away on another, and let through who was enabled there, at once', async () => {
      for (let round = 0; round < 20; round++) {
        const [here, there] = [fleet[round % 2]!, fleet[(round + 1) % 2]!]
        const { id, apiKey } = await here.keys.create({ owner: 'acme', name: 'scoped', scopes: ['use'] })
        const ask = () => there.ask(apiKey, { scopes: ['use'] })
        const outcomes = [await ask()]
        for (const change of [{ scopes: [] }, { scopes: ['use', 'more'] }]) {
          expect((await here.keys.update(id, change)).fenced).toBe(true)
          outcomes.push(await ask())
        }
        await here.keys.disable(id)
        outcomes.push(await ask())
        await here.keys.enable(id)
        outcomes.push(await ask())
        expect(outcomes).toEqual(['admitted', 'insufficient_scope', 'admitted', 'invalid_api_key', 'admitted'])
      }
    })

    it('judge by a policy within a second of its edit on another', async () => {
      const took: number[] = []
      for (let round = 1; round <= 5; round++) {
        const { apiKey } = await fleet[0]!.keys.create({ owner: 'acme', name: 'limited' })
        const ask = () => fleet[1]!.ask(apiKey, { policies: ['default'] })
        for (let used = 0; used < round; used++) expect(await ask()).toBe('admitted')
        expect(await ask()).toBe('rate_limit_exceeded')
        await fleet[0]!.limits.setPolicy('default', [{ limit: round + 1, windowSeconds: 3_600 }])
        const editedAt = performance.now()
        await until('the other has heard of the edit', async () => (await ask()) === 'admitted')
        took.push(performance.now() - editedAt)
      }
      report(`a policy's edit, on ${kind}`, { edits: took.length, maxMs: Math.round(Math.max(...took)) })
      expect(Math.max(...took)).toBeLessThan(1_000 + TOLERANCE_MS)
    })
  })

  it.each(['Redis', 'Postgres'] as const)(
    '219: start 8 at once on an empty database, and all serve, on %s',
    async (kind) => {
      const fleet = await servers.start(kind, 8)
      const { id, apiKey } = await fleet[7]!.keys.create({ owner: 'acme', name: 'first' })
      const answers = () => Promise.all(fleet.map((instance) => instance.ask(apiKey)))
      expect(await answers()).toEqual(Array(8).fill('admitted'))
      expect((await fleet[3]!.keys.revoke(id)).fenced).toBe(true)
      expect(await answers()).toEqual(Array(8).fill('invalid_api_key'))
      const events = (await Promise.all(fleet.map((instance) => instance.events()))).flat()
      expect(events.filter(({ type }) => type === 'degraded')).toEqual([])
      await servers.stop(fleet)
    },
    120_000,
  )

  it('62: expire a key by the store’s clock, on an instance whose own is an hour slow or fast', async () => {
    const skews = [0, -3_600_000, 3_600_000]
    const fleet = await servers.start('Postgres', skews.length, (index) => ({ skew: { ms: skews[index] ?? 0 } }))
    const pool = new pg.Pool({ connectionString: servers.postgres.url })
    const storeNow = async () => {
      const { rows } = await pool.query<{ ms: string }>('SELECT extract(epoch FROM clock_timestamp()) * 1000 AS ms')
      return Number(rows[0]?.ms)
    }
    const errors = (await Promise.all(fleet.map((instance) => instance.now()))).map((now) => now - Date.now())
    expect(errors.map((error) => Math.round(error / 3_600_000) + 0)).toEqual([0, -1, 1])

    const makers = await Promise.all(
      fleet.map(async (instance, index) => {
        const expiresAt = new Date((await storeNow()) + 3_000)
        return { expiresAt, key: await instance.keys.create({ owner: 'acme', name: `by ${index}`, expiresAt }) }
      }),
    )
    const answers = () => Promise.all(fleet.flatMap((instance) => makers.map(({ key }) => instance.ask(key.apiKey))))
    expect(await answers()).toEqual(Array(9).fill('admitted'))
    const last = Math.max(...makers.map(({ expiresAt }) => expiresAt.getTime()))
    while ((await storeNow()) < last + 100) await pause(20)
    await pool.end()
    expect(await answers()).toEqual(Array(9).fill('invalid_api_key'))
    await servers.stop(fleet)
  })
})
