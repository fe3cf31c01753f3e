import type { DatabaseAddress } from './environment.ts'

/** What a configuration is written for. */
export interface ConfigChoice {
  readonly kind: DatabaseAddress['kind']
  /** The file of SQLite. */
  readonly file: string
  readonly hasRedis: boolean
  readonly isTypeScript: boolean
}

/** Packages that a configuration imports. */
export function packagesFor({ kind, hasRedis }: ConfigChoice): readonly string[] {
  const drivers = { sqlite: [], postgres: ['kysely', 'pg'], mysql: ['kysely', 'mysql2'] }[kind]
  return hasRedis ? [...drivers, 'ioredis'] : drivers
}

/** Writes a configuration: the options that the server and the command line share. Addresses stay in the environment. */
export function configText(choice: ConfigChoice): string {
  const { kind, hasRedis, isTypeScript } = choice
  const imports = [
    ...(hasRedis ? ["import { Redis } from 'ioredis'"] : []),
    ...(isTypeScript ? ["import type { KeywardOptions } from 'keyward'"] : []),
    `import { ${kind} } from 'keyward/${kind}'`,
    ...(hasRedis ? ["import { redis } from 'keyward/redis'"] : []),
    ...{ sqlite: [], postgres: ["import pg from 'pg'"], mysql: ["import { createPool } from 'mysql2'"] }[kind],
  ]
  const redisLines = [
    "const address = process.env.REDIS_URL ?? 'redis://127.0.0.1:6379'",
    'const client = new Redis(address, { maxRetriesPerRequest: 0, autoResendUnfulfilledCommands: false })',
    "client.on('error', () => {}) // keyward tells of it by onEvent",
    '',
  ]
  const [setup, store] = storeLines(choice)
  return [
    ...imports,
    '',
    ...setup,
    ...(hasRedis ? redisLines : []),
    '// What your server gives to createKeyward, and the command line goes by: import it in both.',
    ...(isTypeScript ? ['export default {'] : ["/** @type {import('keyward').KeywardOptions} */", 'export default {']),
    `  store: ${store},`,
    ...(hasRedis ? ['  gate: redis(client),'] : []),
    '  limits: { policies: { default: [{ limit: 100, windowSeconds: 60 }] } },',
    isTypeScript ? '} satisfies KeywardOptions' : '}',
    '',
  ].join('\n')
}

function storeLines({ kind, file }: ConfigChoice): readonly [setup: readonly string[], store: string] {
  switch (kind) {
    case 'sqlite':
      return [[], `sqlite(process.env.KEYWARD_FILE ?? ${JSON.stringify(file).replace(/^"|"$/g, "'")})`]
    case 'postgres':
      return [
        [
          'const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL })',
          "pool.on('error', () => {}) // a connection that breaks while idle is replaced",
          '',
        ],
        'postgres(pool)',
      ]
    case 'mysql':
      return [["const pool = createPool(process.env.DATABASE_URL ?? '')", ''], 'mysql(pool)']
  }
}
