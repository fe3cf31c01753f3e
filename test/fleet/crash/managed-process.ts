import { serve } from '@hono/node-server'
import { createKeyward, type KeyStore } from 'keyward'
import { adminToken, manage } from 'keyward/manage'
import { postgres } from 'keyward/postgres'
import { sqlite } from 'keyward/sqlite'

/** What a process that waits is told: where the keys are, and what an admin shows. */
export interface Start {
  readonly databaseUrl: string
  readonly token: string
}

// It has loaded everything, and opens nothing before it is told to: so the next one takes over at once.
process.once('message', async ({ databaseUrl, token }: Start) => {
  const keyward = createKeyward({ store: await storeAt(databaseUrl) })
  await keyward.ready()
  const api = manage(keyward, { authorize: adminToken(token) })
  const server = serve({ fetch: api.fetch, port: 0, hostname: '127.0.0.1' }, ({ port }) => {
    process.send?.({ url: `http://127.0.0.1:${port}/manage` })
  })
  process.once('disconnect', () => {
    server.close()
    process.exit()
  })
})
process.send?.({ url: null })

async function storeAt(databaseUrl: string): Promise<KeyStore> {
  if (databaseUrl.startsWith('sqlite:')) return sqlite(databaseUrl.slice('sqlite:'.length))
  const { default: pg } = await import('pg')
  // A slow machine answers late, and never 503: that would say nothing about kills.
  return postgres(new pg.Pool({ connectionString: databaseUrl, max: 10 }), { deadlineMs: 30_000 })
}
