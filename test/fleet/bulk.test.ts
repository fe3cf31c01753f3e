import { createKeyFormat, createKeyward, digestApiKey } from 'keyward'
import { postgres } from 'keyward/postgres'
import pg from 'pg'
import { expect, it, onTestFinished } from 'vitest'
import { putting, sampleKey } from '../../src/testing/key-store/samples.ts'
import { describeWith } from '../servers/missing-servers.ts'
import { createDatabase, startPostgres } from '../servers/postgres.ts'

const KEYS = process.env['KEYWARD_LONG'] === undefined ? 1_000 : 100_000
const BATCH = 500

describeWith('postgres', 'keys that are revoked in bulk', () => {
  it(`76: are refused by every instance once the call has resolved, all ${KEYS} of them`, async () => {
    const server = await startPostgres()
    onTestFinished(() => server.stop())
    const connectionString = await createDatabase(server)
    const [one, other] = [1, 2].map(() => {
      const pool = new pg.Pool({ connectionString, max: 4 })
      const store = postgres(pool, { deadlineMs: 30_000 })
      const keyward = createKeyward({ store })
      onTestFinished(async () => {
        await keyward.close()
        await pool.end()
      })
      return { store, keyward, ask: (apiKey: string) => keyward.authenticate({ authorization: `Bearer ${apiKey}` }) }
    }) as [Instance, Instance]
    await one.keyward.ready()

    const format = createKeyFormat({ prefix: 'sk_' })
    const keys = await Promise.all(
      Array.from({ length: KEYS }, async () => {
        const apiKey = format.make()
        return { apiKey, ...sampleKey({ digest: await digestApiKey(apiKey) }) }
      }),
    )
    for (let from = 0; from < KEYS; from += BATCH) {
      const batch = keys.slice(from, from + BATCH)
      await one.store.commit(batch.map(({ apiKey: _, ...record }) => putting(record, 0)))
      // Both have copies of each, which the revocation is about.
      for (const { ask } of [one, other])
        expect((await Promise.all(batch.map(({ apiKey }) => ask(apiKey)))).filter(({ denied }) => denied)).toEqual([])
    }

    for (let from = 0; from < KEYS; from += BATCH) {
      const batch = keys.slice(from, from + BATCH)
      const results = await one.keyward.keys.bulk('revoke', { ids: batch.map(({ id }) => id) })
      expect(results.filter((result) => !result.ok || !result.fenced)).toEqual([])
      for (const { ask } of [other, one]) {
        const decisions = await Promise.all(batch.map(({ apiKey }) => ask(apiKey)))
        const codes = new Set(decisions.map((decision) => (decision.denied ? decision.code : 'admitted')))
        expect(codes).toEqual(new Set(['invalid_api_key']))
      }
    }
  }, 1_800_000)
})

interface Instance {
  readonly store: ReturnType<typeof postgres>
  readonly keyward: ReturnType<typeof createKeyward>
  ask(apiKey: string): ReturnType<Instance['keyward']['authenticate']>
}
