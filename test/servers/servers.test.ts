import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { createConnection } from 'mysql2/promise'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { createDatabase as createMariadbDatabase, startMariadb } from './mariadb.ts'
import { describeWith } from './missing-servers.ts'
import { PortTakenError, startOwnServer } from './own-server.ts'
import { startPgbouncer } from './pgbouncer.ts'
import { createDatabase, startPostgres } from './postgres.ts'
import { childrenOf, isAlive } from './process-tree.ts'
import { requireServer } from './program.ts'
import { redisArguments, redisIsReady, startRedis } from './redis.ts'
import { type Cluster, startRedisCluster } from './redis-cluster.ts'
import { redisCommand } from './redis-command.ts'
import { givenServer, type Server } from './server.ts'
import { until } from './until.ts'

const started: Server[] = []
const own = <Started extends Server>(server: Started): Started => {
  started.push(server)
  return server
}
afterEach(async () => {
  for (const server of started.splice(0)) await server.stop()
})

async function rows(url: string, statement: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 1_000 })
  client.on('error', () => {})
  await client.connect()
  const result = await client.query(statement)
  await client.end()
  return result.rows
}

describeWith('postgres', 'startPostgres()', () => {
  it('keeps what it confirmed through kill -9, which also ends its child processes', async () => {
    const server = own(await startPostgres({ durable: true }))
    await rows(server.url, 'CREATE TABLE kept AS SELECT 7 AS seven')
    const processes = [server.pid, ...childrenOf(server.pid)]
    await server.kill()
    expect(processes.length).toBeGreaterThan(3)
    expect(processes.filter(isAlive)).toEqual([])
    const { port } = server
    await server.restart()
    expect(server.port).toBe(port)
    expect(await rows(server.url, 'SELECT seven FROM kept')).toEqual([{ seven: 7 }])
    const settings = await rows(
      server.url,
      `SELECT current_setting('fsync') f, current_setting('synchronous_commit') s`,
    )
    expect(settings).toEqual([{ f: 'on', s: 'on' }])
  })

  it('freezes open connections too while paused', async () => {
    const server = own(await startPostgres({ needsOwnServer: true }))
    const client = new pg.Client({ connectionString: server.url })
    await client.connect()
    server.pause()
    let answered = false
    const answer = client.query('SELECT 1').then(() => {
      answered = true
    })
    await expect(rows(server.url, 'SELECT 1')).rejects.toThrow(/timeout/)
    expect(answered).toBe(false)
    server.resume()
    await answer
    await client.end()
  })

  it('gives each caller an empty database of its own', async () => {
    const server = own(await startPostgres())
    const [first, second] = [await createDatabase(server), await createDatabase(server)]
    await rows(first, 'CREATE TABLE mine (id int)')
    await rows(second, 'CREATE TABLE mine (id int)')
    expect(first).not.toBe(second)
  })

  it('removes its folder when it stops, also when it was paused, and stops twice without complaint', async () => {
    const server = await startPostgres({ needsOwnServer: true })
    const { pid } = server
    const [{ folder }] = (await rows(server.url, `SELECT current_setting('data_directory') folder`)) as [
      { folder: string },
    ]
    server.pause()
    await server.stop()
    await server.stop()
    expect([isAlive(pid), existsSync(folder)]).toEqual([false, false])
    await expect(server.restart()).rejects.toThrow(/stopped/)
  })

  it('shows the end of the log when a server does not come up', async () => {
    await expect(startPostgres({ args: ['-c', 'no_such_setting=1'] })).rejects.toThrow(/no_such_setting/)
  })
})

describeWith(['postgres', 'pgbouncer'], 'startPgbouncer()', () => {
  it('shares a few connections in transaction mode, and comes back after kill -9', async () => {
    const postgres = own(await startPostgres())
    const bouncer = own(await startPgbouncer(await createDatabase(postgres), { poolSize: 2 }))
    const backends = await Promise.all(
      Array.from({ length: 8 }, () => rows(bouncer.url, 'SELECT pg_backend_pid() pid, pg_sleep(0.05)')),
    )
    expect(new Set(backends.flat().map((row) => (row as { pid: number }).pid)).size).toBeLessThanOrEqual(2)
    await bouncer.kill()
    await expect(rows(bouncer.url, 'SELECT 1')).rejects.toThrow(/ECONNREFUSED/)
    await bouncer.restart()
    expect(await rows(bouncer.url, 'SELECT 1 AS one')).toEqual([{ one: 1 }])
  })
})

describeWith('redis', 'startRedis()', () => {
  it('is empty after a restart', async () => {
    const server = own(await startRedis({ needsOwnServer: true }))
    await redisCommand(server.url, ['SET', 'a', '1'])
    await server.kill()
    await expect(redisCommand(server.url, ['GET', 'a'])).rejects.toThrow(/ECONNREFUSED/)
    await server.restart()
    expect(await redisCommand(server.url, ['GET', 'a'])).toBe(null)
  })

  it('keeps what it confirmed when it is durable', async () => {
    const server = own(await startRedis({ durable: true }))
    await redisCommand(server.url, ['SET', 'a', '1'])
    await server.restart()
    expect(await redisCommand(server.url, ['GET', 'a'])).toBe('1')
  })

  it('does not answer while paused', async () => {
    const server = own(await startRedis({ needsOwnServer: true }))
    server.pause()
    await expect(redisCommand(server.url, ['PING'], 100)).rejects.toThrow(/no answer/)
    server.resume()
    expect(await redisCommand(server.url, ['PING'])).toBe('PONG')
  })

  it('says so when its port is taken', async () => {
    const { port } = own(await startRedis({ needsOwnServer: true }))
    const again = startOwnServer({
      name: 'redis',
      port,
      command: ({ folder }) => [requireServer('redis'), ...redisArguments(folder, port, false)],
      ready: redisIsReady,
      url: () => '',
    })
    await expect(again).rejects.toThrow(PortTakenError)
  })

  it('ends with its process, even if that is killed', async () => {
    const program = `
      import { startRedis } from ${JSON.stringify(fileURLToPath(new URL('./redis.ts', import.meta.url)))}
      const server = await startRedis({ needsOwnServer: true })
      console.log(server.pid)
      setInterval(() => {}, 1000)`
    const parent = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', program])
    const [output] = await Promise.race([once(parent.stdout, 'data'), once(parent, 'exit')])
    const pid = Number(output)
    expect(pid > 1 && isAlive(pid)).toBe(true)
    parent.kill('SIGKILL')
    await until('the orphan ends', () => !isAlive(pid), 3_000)
  })
})

describeWith('redis', 'startRedisCluster()', () => {
  let cluster: Cluster
  beforeAll(async () => {
    cluster = await startRedisCluster({ needsOwnServer: true })
  })
  afterAll(() => cluster?.stop())

  it('has three primaries, each with a replica', async () => {
    const roles = await Promise.all(cluster.nodes.map((node) => node.role()))
    expect(roles).toEqual(['primary', 'primary', 'primary', 'replica', 'replica', 'replica'])
    for (const primary of cluster.nodes.slice(0, 3))
      expect(await (await cluster.replicaOf(primary)).role()).toBe('replica')
  })

  it('moves a slot with its keys, and all nodes know', async () => {
    const slot = Number(await cluster.nodes[0]!.command('CLUSTER', 'KEYSLOT', '{moved}'))
    const from = await cluster.primaryOf('{moved}')
    const to = cluster.nodes.slice(0, 3).find((node) => node !== from)!
    for (let index = 0; index < 250; index += 1) await from.command('SET', `{moved}:${index}`, index)
    await cluster.moveSlot(slot, from, to)
    await cluster.waitUntilOk()
    expect((await cluster.primaryOf(slot)).port).toBe(to.port)
    expect(await to.command('CLUSTER', 'COUNTKEYSINSLOT', slot)).toBe(250)
    expect(await to.command('GET', '{moved}:249')).toBe('249')
    await expect(from.command('GET', '{moved}:249')).rejects.toThrow(/MOVED/)
  })

  it.each([undefined, 'FORCE', 'TAKEOVER'] as const)('makes a replica the primary (%s)', async (mode) => {
    const old = await cluster.primaryOf(0)
    const replica = await cluster.replicaOf(old)
    await cluster.failover(replica, mode)
    await cluster.waitUntilOk()
    expect((await cluster.primaryOf(0)).port).toBe(replica.port)
    expect(await old.role()).toBe('replica')
  })

  it('fails over by itself when a primary is killed, which comes back as a replica', async () => {
    const old = await cluster.primaryOf(0)
    const replica = await cluster.replicaOf(old)
    await old.kill()
    await until('the replica takes over', async () => (await replica.role()) === 'primary')
    await cluster.waitUntilOk()
    await old.restart()
    await cluster.waitUntilOk()
    expect(await old.role()).toBe('replica')
    expect((await cluster.primaryOf(0)).port).toBe(replica.port)
  })
})

describeWith('mariadb', 'startMariadb()', () => {
  it('keeps what it confirmed through kill -9 when it is durable, with a database for each caller', async () => {
    const server = own(await startMariadb({ durable: true }))
    const [url, other] = [await createMariadbDatabase(server), await createMariadbDatabase(server)]
    expect(other).not.toBe(url)
    const client = await createConnection(url)
    client.on('error', () => {})
    await client.query('CREATE TABLE kept (seven int)')
    await client.query('INSERT INTO kept VALUES (7)')
    await server.kill()
    client.destroy()
    await server.restart()
    const again = await createConnection(url)
    expect((await again.query('SELECT seven FROM kept'))[0]).toEqual([{ seven: 7 }])
    expect((await again.query('SELECT @@innodb_flush_log_at_trx_commit AS f'))[0]).toEqual([{ f: 1 }])
    await again.end()
  })
})

describe('a server named by the environment', () => {
  it('can be talked to and refuses to be killed, paused or restarted', async () => {
    const server = givenServer('TEST_REDIS_URL', 'redis://example.com', 6379)
    expect([server.host, server.port]).toEqual(['example.com', 6379])
    await expect(server.kill()).rejects.toThrow(/needsOwnServer/)
    await expect(server.restart()).rejects.toThrow(/needsOwnServer/)
    expect(() => server.pause()).toThrow(/needsOwnServer/)
    await server.stop()
  })
})
