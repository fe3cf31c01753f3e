import { createConnection } from 'mysql2/promise'
import pg from 'pg'

/** Reads a ledger beside the library, from its tables. */
export interface LedgerWatch {
  /** Balance of the only account. */
  balance(): Promise<number>
  /** Sum of all movements, their number, and the highest sequence. */
  sums(): Promise<{ readonly sum: number; readonly count: number; readonly sequence: number; readonly debits: number }>
  close(): Promise<void>
}

const BALANCE = 'SELECT balance AS value FROM keyward_accounts'
const SUMS = `SELECT sum(amount) AS sum, count(*) AS count, max(sequence) AS sequence,
  sum(CASE WHEN kind = 'debit' THEN -amount ELSE 0 END) - sum(CASE WHEN kind = 'refund' THEN amount ELSE 0 END) AS debits
  FROM keyward_movements`

/** Opens a connection of its own to a database. */
export async function watchLedger(url: string): Promise<LedgerWatch> {
  const { query, close } = url.startsWith('mysql:') ? await openMysql(url) : await openPostgres(url)
  return {
    balance: async () => Number((await query(BALANCE))['value']),
    async sums() {
      const row = await query(SUMS)
      const value = (name: string) => Number(row[name])
      return { sum: value('sum'), count: value('count'), sequence: value('sequence'), debits: value('debits') }
    },
    close,
  }
}

type Row = Readonly<Record<string, unknown>>

async function openPostgres(url: string) {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  return { query: async (text: string) => (await client.query(text)).rows[0] as Row, close: () => client.end() }
}

async function openMysql(url: string) {
  const connection = await createConnection(url)
  const query = async (text: string) => ((await connection.query(text))[0] as Row[])[0] as Row
  return { query, close: () => connection.end() }
}

/** Looks at the balance every millisecond, or as often as the server answers. @returns What ends it, with the lowest that was seen. */
export function watchLowest(watch: LedgerWatch): () => Promise<{ readonly lowest: number; readonly looks: number }> {
  let isOver = false
  let lowest = Number.POSITIVE_INFINITY
  let looks = 0
  const watching = (async () => {
    while (!isOver) {
      lowest = Math.min(lowest, await watch.balance())
      looks += 1
      await new Promise((resolve) => setTimeout(resolve, 1))
    }
  })()
  return async () => {
    isOver = true
    await watching
    return { lowest, looks }
  }
}
