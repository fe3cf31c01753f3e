import { type Kysely, sql } from 'kysely'
import { MAX_CREDITS } from '../../model/ledger.ts'
import type { LabelQuery, UsageBatch, UsageInterval, UsageQuery, UsageStore } from '../../model/usage-store.ts'
import { chunks } from './chunks.ts'
import { textOf } from './row-reader.ts'
import type { DoWork } from './sql-claim-store.ts'
import { transact } from './sql-database.ts'
import { checkIndexed } from './stored-text.ts'
import type { Tables } from './tables.ts'
import { COUNT_COLUMNS, decodeRank, decodeSum, decodeUsage, encodeScope, encodeUsage, USAGE_KEY } from './usage-row.ts'

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

  async readUsage(query: UsageQuery) {
    return this.#do(async ({ db }) => {
      const rows = await within(db, query).selectAll().orderBy('at').limit(query.limit).execute()
      return rows.map((row) => decodeUsage(row, query))
    })
  }

  async sumUsage(query: UsageQuery) {
    return this.#do(async ({ db }) => {
      const sums = within(db, query)
        .select(['at', 'name', ...SUMS])
        .groupBy(['at', 'name'])
      return (await sums.orderBy('at').limit(query.limit).execute()).map(decodeSum)
    })
  }

  async rankUsage(query: UsageQuery) {
    return this.#do(async ({ db }) => {
      const ranked = within(db, query)
        .select(['name', sumOf('requests'), sumOf('credits')])
        .groupBy('name')
        .orderBy(sql`sum(requests)`, 'desc')
        .orderBy('name')
      return (await ranked.limit(query.limit).execute()).map(decodeRank)
    })
  }

  /** The latest row of each scope and name that has a label is the last of a range of an index. */
  async findLabels({ interval, scopes, by, from, to, names }: LabelQuery) {
    if (names.length === 0) return new Map<string, string>()
    return this.#do(async ({ db, dialect }) => {
      const table = (values: readonly string[]) =>
        sql.join(
          values.map((value) => sql`select cast(${value} as ${dialect.types.text}) as value`),
          sql` union all `,
        )
      const latest = (column: 'label' | 'at') => sql`(
        select ${sql.id(column)} from keyward_usage where span = ${interval} and scope = s.value
        and dimension = ${by} and name = n.value and at >= ${from.getTime()} and at < ${to.getTime()}
        and label is not null order by at desc limit 1)`
      const { rows } = await sql<Readonly<Record<'name' | 'label' | 'at', unknown>>>`
        select n.value as name, ${latest('label')} as label, ${latest('at')} as at
        from (${table(scopes.map(encodeScope))}) s cross join (${table(names)}) n`.execute(db)
      const labelled = rows.filter(({ label }) => label !== null)
      labelled.sort((one, other) => Number(one.at) - Number(other.at))
      return new Map(labelled.map(({ name, label }) => [String(textOf(name)), String(textOf(label))]))
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

function within(db: Kysely<Tables>, { interval, scopes, by, from, to, names }: UsageQuery) {
  const rows = db
    .selectFrom('keyward_usage')
    .where('keyward_usage.span', '=', interval)
    .where('keyward_usage.scope', 'in', scopes.map(encodeScope))
    .where('keyward_usage.dimension', '=', by)
    .where('keyward_usage.at', '>=', from.getTime())
    .where('keyward_usage.at', '<', to.getTime())
  if (names === undefined) return rows
  return names.length === 0 ? rows.where(sql<boolean>`1 = 0`) : rows.where('keyward_usage.name', 'in', [...names])
}

const sumOf = <Column extends (typeof COUNT_COLUMNS)[number]>(column: Column) =>
  sql<unknown>`least(sum(${sql.id(column)}), ${sql.lit(MAX_CREDITS)})`.as(column)

const SUMS = COUNT_COLUMNS.map(sumOf)

function keyValue(value: unknown): string | number {
  return textOf(value) ?? Number(value)
}
