import pg from 'pg'
import { expect, it, onTestFinished } from 'vitest'
import { ConfigError, StoreUnavailableError } from '../../../src/model/errors.ts'
import { postgres } from '../../../src/stores/postgres/postgres.ts'
import { sampleKey, storeKeys } from '../../../src/testing/key-store/samples.ts'
import { startPostgres } from '../../servers/postgres.ts'
import { until } from '../../servers/until.ts'
import { startStandby } from './standby.ts'

it('217: refuses a replica, at start and when a connection leads to one later: what it finds, and what it does not', async () => {
  const primary = await startPostgres({ needsOwnServer: true })
  onTestFinished(() => primary.stop())
  const pool = new pg.Pool({ connectionString: primary.url, max: 2 })
  pool.on('error', () => {})
  onTestFinished(() => pool.end())
  const store = postgres(pool)
  await store.open()
  const key = await storeKeys(store, sampleKey())
  const standby = await startStandby(primary)
  onTestFinished(() => standby.stop())

  const replica = new pg.Pool({ connectionString: standby.url, max: 1 })
  onTestFinished(() => replica.end())
  await until('the replica has caught up', async () => {
    const found = await replica.query('SELECT 1 FROM keyward_keys').catch(() => undefined)
    return found?.rowCount === 1
  })
  await expect(postgres(replica).open()).rejects.toThrow(ConfigError)
  await expect(postgres(replica).open()).rejects.toThrow(/a replica as the store is refused/)

  // As a name that leads to another machine after a failover: the next connections go there.
  pool.options.connectionString = standby.url
  await primary.kill()
  await until('the pool has noticed', () => pool.totalCount === 0)
  for (const read of [
    () => store.findById(key.id),
    () => store.findById('key_nobody'),
    () => store.findByDigest([key.digest]),
  ]) {
    await expect(read()).rejects.toThrow(StoreUnavailableError)
    await expect(read()).rejects.toThrow(/is a replica/)
  }
  await replica.query('SELECT pg_promote()')
  await until('it is the primary', () =>
    store.findById(key.id).then(
      (found) => found !== undefined,
      () => false,
    ),
  )
})
