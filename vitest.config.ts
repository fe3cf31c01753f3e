import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

const source = (path: string) => fileURLToPath(new URL(path, import.meta.url))

const fleets = 'test/fleet/{processes,crash,money}/**/*.test.ts'

const reportPath = process.env['KEYWARD_TEST_REPORT']

export default defineConfig({
  resolve: {
    alias: [
      { find: /^keyward$/, replacement: source('./src/index.ts') },
      { find: /^keyward\/sqlite$/, replacement: source('./src/stores/sqlite/sqlite.ts') },
      { find: /^keyward\/(postgres|mysql|redis)$/, replacement: source('./src/stores/$1/$1.ts') },
      { find: /^keyward\/(sessions|manage|client|dashboard|otel)$/, replacement: source('./src/$1/$1.ts') },
      { find: /^keyward\/testing$/, replacement: source('./src/testing/testing.ts') },
      { find: /^keyward\/(express|hono|fastify|fetch)$/, replacement: source('./adapters/$1.ts') },
    ],
  },
  test: {
    // Servers and fleets of several processes want the machine for themselves: they run after the rest, file by file. The
    // rest waits for processes and timers more than it computes.
    projects: [
      {
        extends: true,
        test: {
          name: 'rooms',
          include: ['test/**/*.test.ts'],
          exclude: [fleets],
          maxWorkers: availableParallelism() + 1,
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: { name: 'fleets', include: [fleets], fileParallelism: false, sequence: { groupOrder: 1 } },
      },
    ],
    // Installs the servers that tests start, where they are missing.
    globalSetup: ['test/servers/global-setup.ts'],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    pool: 'forks',
    // .ci/run reads its counts from this file.
    ...(reportPath === undefined ? {} : { reporters: ['default', ['json', { outputFile: reportPath }]] }),
  },
})
