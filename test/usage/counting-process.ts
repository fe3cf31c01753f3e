import { createKeyward } from 'keyward'
import { postgres } from 'keyward/postgres'
import { sqlite } from 'keyward/sqlite'
import pg from 'pg'

/** What the test asks of this process: to use a key so often, or to end as it should. */
export type CountingOrder = { readonly apiKey: string; readonly times: number } | 'close'

const [, , source = ''] = process.argv
const isPostgres = source.startsWith('postgres')
const pool = new pg.Pool({ connectionString: isPostgres ? source : undefined, max: 2 })
const keyward = createKeyward({ store: isPostgres ? postgres(pool, { deadlineMs: 10_000 }) : sqlite(source) })

/** Uses a key, and tells how often it has when it is done. A process to kill. */
process.on('message', async (order: CountingOrder) => {
  if (order === 'close') {
    await keyward.close()
    await pool.end()
    process.disconnect()
    return
  }
  let admitted = 0
  for (let time = 0; time < order.times; time += 1) {
    const headers = { authorization: `Bearer ${order.apiKey}`, referer: `https://app.example/${time % 3}` }
    const decision = await keyward.authenticate(headers)
    if (!decision.denied) admitted += 1
  }
  process.send?.(admitted)
})
process.send?.('ready')
