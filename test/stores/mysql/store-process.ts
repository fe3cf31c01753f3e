import { createPool } from 'mysql2/promise'
import { mysql } from '../../../src/stores/mysql/mysql.ts'
import { putting, sampleKey } from '../../../src/testing/key-store/samples.ts'

/** Opens the store at the address that is its argument, when it is told to; then creates a key. A process to kill. */
process.once('message', async () => {
  const pool = createPool({ uri: process.argv[2] ?? '', connectionLimit: 1 })
  const store = mysql(pool, { deadlineMs: 10_000 })
  process.send?.('opening')
  await store.open()
  const outcomes = await store.commit([putting(sampleKey(), 0)])
  process.send?.(outcomes[0] ?? '')
  await pool.end()
  process.disconnect()
})
process.send?.('ready')
