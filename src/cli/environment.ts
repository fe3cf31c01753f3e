import { resolve } from 'node:path'
import { CommandFailure, exitCodes } from './failure.ts'

/** A database, as `DATABASE_URL` names it. */
export type DatabaseAddress =
  | { readonly kind: 'sqlite'; readonly file: string }
  | { readonly kind: 'postgres' | 'mysql'; readonly url: string }

/** Variables that the program reads. */
export interface Environment {
  readonly database: DatabaseAddress | undefined
  readonly redisUrl: string | undefined
}

/**
 * Reads `DATABASE_URL` (`sqlite:PATH`, `postgres://…`, `mysql://…`) and `REDIS_URL` (`redis://…`, `rediss://…`).
 *
 * @throws {CommandFailure} With the variable and its rule, and never its value.
 */
export function readEnvironment(variables: NodeJS.ProcessEnv, folder: string): Environment {
  const redisUrl = variables['REDIS_URL'] || undefined
  if (redisUrl !== undefined && !/^rediss?:\/\/./.test(redisUrl))
    throw new CommandFailure('REDIS_URL must be redis://… or rediss://….', exitCodes.usage)
  const url = variables['DATABASE_URL'] || undefined
  return { database: url === undefined ? undefined : readDatabase(url, folder), redisUrl }
}

function readDatabase(url: string, folder: string): DatabaseAddress {
  if (/^sqlite:./.test(url))
    return { kind: 'sqlite', file: resolve(folder, url.slice('sqlite:'.length).replace(/^\/\/(?=\/)/, '')) }
  if (/^postgres(ql)?:\/\/./.test(url)) return { kind: 'postgres', url }
  if (/^(mysql|mariadb):\/\/./.test(url)) return { kind: 'mysql', url: url.replace(/^mariadb:/, 'mysql:') }
  throw new CommandFailure('DATABASE_URL must be sqlite:PATH, postgres://… or mysql://….', exitCodes.usage)
}
