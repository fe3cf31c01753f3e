import type { DialectAdapter, Kysely } from 'kysely'

/** The part of a user's Kysely instance that is used, whatever tables it knows. */
export interface KyselySource {
  /** The instance for the library's own statements: plugins, such as one that renames columns, are for the user's tables. */
  withoutPlugins(): unknown
  getExecutor(): { readonly adapter: DialectAdapter }
  transaction(): unknown
}

/** Recognises a Kysely instance, of whichever copy of the package. */
export function isKysely(value: unknown): value is KyselySource {
  if (typeof value !== 'object' || value === null) return false
  const { withoutPlugins, getExecutor, transaction } = value as Partial<KyselySource>
  return [withoutPlugins, getExecutor, transaction].every((member) => typeof member === 'function')
}

/** The instance without the user's plugins, for other tables than the user's. */
export function withTables<T>(source: KyselySource): Kysely<T> {
  return source.withoutPlugins() as Kysely<T>
}
