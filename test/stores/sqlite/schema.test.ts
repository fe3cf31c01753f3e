import { existsSync } from 'node:fs'
import { sqlite } from 'keyward/sqlite'
import Libsql from 'libsql'
import { describe, onTestFinished } from 'vitest'
import { describeSchema } from '../schema-cases.ts'
import { temporaryFile } from './temporary-files.ts'

describe('the schema of SQLite', () => {
  describeSchema(/^SQLite/, async () => {
    const file = temporaryFile()
    const open = () => {
      const database = new Libsql(file)
      onTestFinished(() => void database.close())
      return database
    }
    return {
      createStore: () => sqlite(file),
      execute: async (statement) => void open().exec(statement),
      async countTables() {
        if (!existsSync(file)) return 0
        const row = open().prepare(`SELECT count(*) AS tables FROM sqlite_schema WHERE type = 'table'`).get()
        return (row as { tables: number }).tables
      },
    }
  })
})
