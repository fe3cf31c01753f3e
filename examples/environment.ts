import { randomBytes } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { dirname, resolve } from 'node:path'

/** What an example is told from outside. */
export interface Environment {
  /** TCP port, 0 to 65,535; 0 takes a free one. `PORT`, default 3000. */
  readonly port: number
  /** `HOST`, default 127.0.0.1. */
  readonly host: string
  /** SQLite file, from `DATABASE_URL` (`sqlite:PATH`); default `.data/<name>.db`. Its folder is there. */
  readonly databaseFile: string
  /** `KEYWARD_ADMIN_TOKEN`; one is made where there is none. */
  readonly adminToken: string
}

/** Reads the environment of an example. @throws {Error} With the variable and its rule. */
export function readEnvironment(name: string, variables: NodeJS.ProcessEnv = process.env): Environment {
  const port = Number(variables['PORT'] ?? 3000)
  if (!Number.isInteger(port) || port < 0 || port > 65_535)
    throw new Error('PORT must be a whole number from 0 to 65535')
  const url = variables['DATABASE_URL'] ?? `sqlite:.data/${name}.db`
  if (!/^sqlite:./.test(url)) throw new Error('DATABASE_URL must be sqlite:PATH')
  const databaseFile = resolve(url.slice('sqlite:'.length).replace(/^\/\/(?=\/)/, ''))
  mkdirSync(dirname(databaseFile), { recursive: true })
  return {
    port,
    host: variables['HOST'] ?? '127.0.0.1',
    databaseFile,
    adminToken: variables['KEYWARD_ADMIN_TOKEN'] ?? `admin_${randomBytes(24).toString('base64url')}`,
  }
}
