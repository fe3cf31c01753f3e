import { spawnSync } from 'node:child_process'
import { cpus, totalmem } from 'node:os'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { build } from 'tsup'

/** Each runs in a process of its own: no section inherits another one's heap, or what was optimised for it. */
const SECTIONS = [
  'walk',
  'memory',
  'unknown-keys',
  'management',
  'throughput',
  'fleet',
  'money',
  'usage',
  'lists',
] as const
/** What needs the whole machine for servers is asked for by name: `npm run bench:fleet`. */
const HERE = SECTIONS.filter((section) => section !== 'fleet' && section !== 'lists')

const { values } = parseArgs({
  options: { only: { type: 'string', multiple: true }, quick: { type: 'boolean', default: false } },
})
const chosen = values.only ?? HERE
const unknown = chosen.find((section) => !SECTIONS.some((known) => known === section))
if (unknown !== undefined) throw new Error(`--only ${unknown}: must be one of ${SECTIONS.join(', ')}`)

const [processor] = cpus()
process.stdout.write(`${cpus().length} × ${processor?.model}, ${Math.round(totalmem() / 2 ** 30)} GB, `)
process.stdout.write(`Node ${process.version}, ${process.platform}, ${new Date().toISOString().slice(0, 10)}\n`)

// As they would be published: through tsx every closure is given its name anew, which costs a request a microsecond.
const outDir = fileURLToPath(new URL('../node_modules/.cache/keyward-bench', import.meta.url))
const entry = [...SECTIONS, 'throughput-server'].map((name) => `bench/${name}.ts`)
const asPublished = { format: 'esm', target: 'node20', splitting: false } as const
await build({
  entry,
  outDir,
  ...asPublished,
  external: ['mitata', 'ioredis', 'pg', 'kysely', 'libsql', 'mysql2'],
  config: false,
  silent: true,
})

for (const section of chosen) {
  const flags = values.quick ? ['--quick'] : []
  const { status } = spawnSync(process.execPath, ['--expose-gc', `${outDir}/${section}.js`, ...flags], {
    stdio: 'inherit',
  })
  if (status !== 0) process.exit(1)
  process.stdout.write('\n')
}
