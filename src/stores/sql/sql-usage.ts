import { type RawBuilder, sql } from 'kysely'
import { MAX_CREDITS } from '../../model/ledger.ts'
import type { UsageBatch, UsageInterval, UsageRow, UsageStore } from '../../model/usage-store.ts'
import { chunks } from './chunks.ts'
import { textOf } from './row-reader.ts'
import type { DoWork } from './sql-claim-store.ts'
import { transact } from './sql-database.ts'
import { checkIndexed } from './stored-text.ts'
import { COUNT_COLUMNS, decodeSum, decodeUsage, encodeScope, encodeUsage, USAGE_KEY } from './usage-row.ts'

/** Counts of requests on a database server. */
export class SqlUsage implements UsageStore {
  readonly #do: DoWork

  constructor(doWork: DoWork) {
    this.#do = doWork
  }

  /** The writer's row is locked first: the same batch, sent again while the first is under way, waits and adds nothing. */
  async addUsage({ writer, sequence, at, rows }: UsageBatch): Promise<void> {
    const encoded = encodeUsage(rows)
    for (const { scope, name, owner } of encoded) checkIndexed(name, scope.slice(scope.indexOf(':') + 1), owner ?? '')
    return this.#do((database) =>
      transact(database, async (transaction) => {
        const { dialect } = database
        await transaction
          .insertInto('keyward_usage_writers')
          .values({ writer, sequence: 0, at: at.getTime() })
          .modifyEnd(dialect.keepFirst('writer'))
          .execute()
        const known = await transaction
          .selectFrom('keyward_usage_writers')
          .select('sequence')
          .where('writer', '=', writer)
          .forUpdate()
          .executeTakeFirstOrThrow()
        if (Number(known.sequence) >= sequence) return
        for (const some of chunks(encoded))
          await transaction
            .insertInto('keyward_usage')
            .values(some)
            .modifyEnd(dialect.addUp('keyward_usage', USAGE_KEY, COUNT_COLUMNS, MAX_CREDITS, 'label'))
            .execute()
        await transaction
          .updateTable('keyward_usage_writers')
          .set({ sequence, at: at.getTime() })
          .where('writer', '=', writer)
          .execute()
      }),
    )
  }

  async readUsage({ scopes, names, limit, ...stretch }: Parameters<UsageStore['readUsage']>[0]) {
    const { interval, by, from, to } = stretch
    if (names?.length === 0) return []
    return this.#do(async ({ db }) => {
      const within = db
        .selectFrom('keyward_usage')
        .selectAll()
        .where('span', '=', interval)
        .where('scope', 'in', scopes.map(encodeScope))
        .where('dimension', '=', by)
        .where('at', '>=', from.getTime())
        .where('at', '<', to.getTime())
        .orderBy('at')
        .limit(limit)
      const rows = await (names === undefined ? within : within.where('name', 'in', [...names])).execute()
      return rows.map((row) => decodeUsage(row, stretch))
    })
  }

  async rankUsage({ scope, limit, ...stretch }: Parameters<UsageStore['rankUsage']>[0]): Promise<readonly UsageRow[]> {
    const { interval, by, from, to } = stretch
    const rest = { interval, by, scope, at: new Date(from) }
    return this.#do(async ({ db }) => {
      const sums = COUNT_COLUMNS.map((column) => sumOf(column).as(column))
      const ranked = db
        .selectFrom('keyward_usage')
        .select(['name', ...sums])
        .where('span', '=', interval)
        .where('scope', '=', encodeScope(scope))
        .where('dimension', '=', by)
        .where('at', '>=', from.getTime())
        .where('at', '<', to.getTime())
        .groupBy('name')
        .orderBy(sql`sum(requests)`, 'desc')
        .orderBy('name')
        .limit(limit)
      const rows = await db
        .selectFrom(ranked.as('ranked'))
        .selectAll('ranked')
        .select((one) =>
          one
            .selectFrom('keyward_usage as latest')
            .select('latest.label')
            .where('latest.span', '=', interval)
            .where('latest.scope', '=', encodeScope(scope))
            .where('latest.dimension', '=', by)
            .whereRef('latest.name', '=', 'ranked.name')
            .where('latest.at', '>=', from.getTime())
            .where('latest.at', '<', to.getTime())
            .where('latest.label', 'is not', null)
            .orderBy('latest.at', 'desc')
            .limit(1)
            .as('label'),
        )
        .orderBy('requests', 'desc')
        .orderBy('name')
        .execute()
      return rows.map((row) => decodeSum(row, rest))
    })
  }

  async countAppKeys({ owner, apps, interval, from, to }: Parameters<UsageStore['countAppKeys']>[0]) {
    if (apps.length === 0) return new Map<string, number>()
    return this.#do(async ({ db }) => {
      const within = db
        .selectFrom('keyward_usage')
        .select(['name', sql<unknown>`count(distinct scope)`.as('many')])
        .where('span', '=', interval)
        .where('dimension', '=', 'app')
        .where('name', 'in', [...apps])
        .where('at', '>=', from.getTime())
        .where('at', '<', to.getTime())
        .where('owner', 'is not', null)
        .groupBy('name')
      const rows = await (owner === undefined ? within : within.where('owner', '=', owner)).execute()
      return new Map(rows.map(({ name, many }) => [String(textOf(name)), Number(many)]))
    })
  }

  async purgeUsage(interval: UsageInterval, before: Date, limit: number): Promise<number> {
    const at = before.getTime()
    return this.#do(async (database) => {
      if (interval === 'minute') await database.db.deleteFrom('keyward_usage_writers').where('at', '<', at).execute()
      return transact(database, async (transaction) => {
        // Others who do the same take other rows.
        const old = await transaction
          .selectFrom('keyward_usage')
          .select([...USAGE_KEY])
          .where('span', '=', interval)
          .where('at', '<', at)
          .orderBy('at')
          .limit(limit)
          .forUpdate()
          .skipLocked()
          .execute()
        const keys = old.map((row) => USAGE_KEY.map((column) => keyValue(row[column])))
        for (const some of chunks(keys)) {
          const tuples = some.map((key) => sql`(${sql.join(key)})`)
          await sql`
            delete from keyward_usage where (${sql.join(USAGE_KEY.map((column) => sql.id(column)))})
            in (${sql.join(tuples)})`.execute(transaction)
        }
        return keys.length
      })
    })
  }
}

function sumOf(column: (typeof COUNT_COLUMNS)[number]): RawBuilder<unknown> {
  return sql`least(sum(${sql.id(column)}), ${sql.lit(MAX_CREDITS)})`
}

function keyValue(value: unknown): string | number {
  return textOf(value) ?? Number(value)
}
