import { type Kysely, sql } from 'kysely'
import { foldName } from '../../model/folded-name.ts'
import { textOf } from './row-reader.ts'
import type { Tables } from './tables.ts'

const PAGE = 500

/** Writes the folded names of the keys that are there: no database folds as JavaScript does. May be repeated. */
export async function foldNames(db: Kysely<Tables>): Promise<void> {
  for (let last = ''; ; ) {
    const rows = await db
      .selectFrom('keyward_keys')
      .select(['id', 'name'])
      .where('id', '>', last)
      .orderBy('id')
      .limit(PAGE)
      .execute()
    const names = rows.map(({ id, name }) => ({ id: String(textOf(id)), folded: foldName(String(textOf(name))) }))
    if (names.length === 0) return
    const cases = names.map(({ id, folded }) => sql`when ${id} then ${folded}`)
    await db
      .updateTable('keyward_keys')
      .set({ name_folded: sql<string>`case id ${sql.join(cases, sql` `)} else name_folded end` })
      .where(
        'id',
        'in',
        names.map(({ id }) => id),
      )
      .execute()
    last = names.at(-1)?.id ?? ''
  }
}
