import { mysql } from 'keyward/mysql'
import { createPool, type RowDataPacket } from 'mysql2'
import { afterAll, beforeAll, onTestFinished } from 'vitest'
import { createDatabase, startMariadb } from '../../servers/mariadb.ts'
import { describeWith } from '../../servers/missing-servers.ts'
import type { Server } from '../../servers/server.ts'
import { describeSchema } from '../schema-cases.ts'

describeWith('mariadb', 'the schema of MariaDB', () => {
  let server: Server
  beforeAll(async () => {
    server = await startMariadb()
  })
  afterAll(() => server?.stop())

  describeSchema(/^(MariaDB|MySQL) \d+/, async () => {
    const uri = await createDatabase(server)
    const open = () => {
      const pool = createPool({ uri, connectionLimit: 2 })
      onTestFinished(() => pool.promise().end())
      return pool
    }
    const admin = open().promise()
    return {
      createStore: () => mysql(open(), { deadlineMs: 30_000 }),
      execute: async (statement) => void (await admin.query(statement)),
      async countTables() {
        const [rows] = await admin.query<RowDataPacket[]>('SHOW TABLES')
        return rows.length
      },
    }
  })
})
