import { randomBytes } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { dirname, resolve } from 'node:path'

/** Where an example keeps what it keeps. */
export type Database =
  /** A file; its folder is there. */
  { readonly kind: 'sqlite'; readonly file: string } | { readonly kind: 'postgres'; readonly url: string }

/** What an example is told from outside. */
export interface Environment {
  /** TCP port, 0 to 65,535; 0 takes a free one. `PORT`, default 3000. */
  readonly port: number
  /** `HOST`, default 127.0.0.1. */
  readonly host: string
  /** `DATABASE_URL`: `sqlite:PATH` or `postgres://…`; default the file `.data/<name>.db`. */
  readonly database: Database
  /** `REDIS_URL`: `redis://…` or `rediss://…`; without it, windows live in the database server, or in this process. */
  readonly redisUrl: string | undefined
  /** `KEYWARD_ADMIN_TOKEN`; one is made where there is none. */
  readonly adminToken: string
}

/** Reads the environment of an example. @throws {Error} With the variable and its rule. */
export function readEnvironment(name: string, variables: NodeJS.ProcessEnv = process.env): Environment {
  const port = Number(variables['PORT'] ?? 3000)
  if (!Number.isInteger(port) || port < 0 || port > 65_535)
    throw new Error('PORT must be a whole number from 0 to 65535')
  const redisUrl = variables['REDIS_URL'] || undefined
  if (redisUrl !== undefined && !/^rediss?:\/\//.test(redisUrl))
    throw new Error('REDIS_URL must be redis://… or rediss://…')
  return {
    port,
    host: variables['HOST'] ?? '127.0.0.1',
    database: readDatabase(variables['DATABASE_URL'] || `sqlite:.data/${name}.db`),
    redisUrl,
    adminToken: variables['KEYWARD_ADMIN_TOKEN'] ?? `admin_${randomBytes(24).toString('base64url')}`,
  }
}

/** Reads what a new key starts with: `CREDITS`. @throws {Error} When it is no whole number from 0. */
export function readCredits(variables: NodeJS.ProcessEnv, otherwise: number): number {
  const credits = Number(variables['CREDITS'] || otherwise)
  if (!Number.isSafeInteger(credits) || credits < 0) throw new Error('CREDITS must be a whole number from 0')
  return credits
}

/** Reads what addresses begin with: `PUBLIC_URL`. @throws {Error} When it is no address, or ends in a slash. */
export function readPublicUrl(variables: NodeJS.ProcessEnv): string | undefined {
  const publicUrl = variables['PUBLIC_URL'] || undefined
  if (publicUrl !== undefined && !/^https?:\/\/[^?#]*[^?#/]$/.test(publicUrl))
    throw new Error('PUBLIC_URL must be http://… or https://…, without a slash at its end')
  return publicUrl
}

function readDatabase(url: string): Database {
  if (/^postgres(ql)?:\/\//.test(url)) return { kind: 'postgres', url }
  if (!/^sqlite:./.test(url)) throw new Error('DATABASE_URL must be sqlite:PATH or postgres://…')
  const file = resolve(url.slice('sqlite:'.length).replace(/^\/\/(?=\/)/, ''))
  mkdirSync(dirname(file), { recursive: true })
  return { kind: 'sqlite', file }
}
