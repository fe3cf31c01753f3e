import pg from 'pg'
import { postgres } from '../../../src/stores/postgres/postgres.ts'
import { putting, sampleKey } from '../../../src/testing/key-store/samples.ts'

/** Opens the store at the address that is its argument, when it is told to; then creates a key. A process to kill. */
process.once('message', async () => {
  const pool = new pg.Pool({ connectionString: process.argv[2], max: 1 })
  const store = postgres(pool, { deadlineMs: 10_000 })
  process.send?.('opening')
  await store.open()
  const outcomes = await store.commit([putting(sampleKey(), 0)])
  process.send?.(outcomes[0] ?? '')
  await pool.end()
  process.disconnect()
})
process.send?.('ready')
