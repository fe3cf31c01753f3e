import { defineConfig } from 'tsup'

export default defineConfig({
  entry: {
    index: 'src/index.ts',
    sqlite: 'src/stores/sqlite/sqlite.ts',
    postgres: 'src/stores/postgres/postgres.ts',
    mysql: 'src/stores/mysql/mysql.ts',
    redis: 'src/stores/redis/redis.ts',
    sessions: 'src/sessions/sessions.ts',
    express: 'adapters/express.ts',
    hono: 'adapters/hono.ts',
    fastify: 'adapters/fastify.ts',
    fetch: 'adapters/fetch.ts',
    manage: 'src/manage/manage.ts',
    dashboard: 'src/dashboard/dashboard.ts',
    otel: 'src/otel/otel.ts',
    client: 'src/client/client.ts',
    testing: 'src/testing/testing.ts',
    cli: 'src/cli/cli.ts',
  },
  // ESM only: split, all entry points share one copy of each class. tsup's CJS output does not split.
  format: ['esm'],
  splitting: true,
  treeshake: true,
  target: 'node20',
  clean: true,
  sourcemap: false,
  // `node:sqlite` has no name without its protocol.
  removeNodeProtocol: false,
  // TypeScript 6 deprecates the `baseUrl` that tsup's declaration build sets.
  dts: { compilerOptions: { ignoreDeprecations: '6.0' } },
})
