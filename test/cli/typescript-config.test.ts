import { execFile } from 'node:child_process'
import { copyFileSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { projectRoot } from '../house/source-tree.ts'
import { temporaryFile } from '../stores/sqlite/temporary-files.ts'

const run = promisify(execFile)
const tsx = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href
/** From 22.18 on, Node.js strips types by itself. */
const readsTypeScript = Boolean((process.features as { typescript?: unknown }).typescript)

let built = ''
let folder = ''

// The program as it is published, in JavaScript: from source it would run on what reads TypeScript.
beforeAll(async () => {
  built = mkdtempSync(join(tmpdir(), 'keyward-built-'))
  symlinkSync(join(projectRoot, 'node_modules'), join(built, 'node_modules'))
  copyFileSync(join(projectRoot, 'package.json'), join(built, 'package.json'))
  const entries = ['cli=src/cli/cli.ts', 'sqlite=src/stores/sqlite/sqlite.ts'].flatMap((entry) => [`--entry.${entry}`])
  const flags = ['--no-config', '--silent', '--format', 'esm', '--target', 'node20', '--no-dts']
  const tsup = fileURLToPath(import.meta.resolve('tsup/dist/cli-default.js'))
  await run(process.execPath, [tsup, ...entries, ...flags, '--out-dir', join(built, 'dist')], { cwd: projectRoot })
}, 120_000)
afterAll(() => rmSync(built, { recursive: true, force: true }))
beforeEach(() => {
  folder = join(temporaryFile(), '..')
})

async function migrate(nodeOptions = ''): Promise<{ code: number; stdout: string; stderr: string }> {
  const { PATH, HOME } = process.env
  const env = { PATH, HOME, NODE_OPTIONS: nodeOptions }
  const command = [join(built, 'dist/cli.js'), 'migrate']
  return run(process.execPath, command, { cwd: folder, env }).then(
    (ended) => ({ code: 0, ...ended }),
    (error: { code: number; stdout: string; stderr: string }) => error,
  )
}

/** A configuration with a type in it, which only TypeScript reads. */
const typed = () => `import { sqlite } from ${JSON.stringify(pathToFileURL(join(built, 'dist/sqlite.js')))}
export const file: string = ${JSON.stringify(join(folder, 'keys.db'))}
export default { store: sqlite(file) }
`

describe('a configuration in TypeScript', () => {
  it('is read by a Node.js that can, and else named with all that can be done about it', async () => {
    writeFileSync(join(folder, 'keyward.config.ts'), typed())
    const { code, stdout, stderr } = await migrate()
    if (readsTypeScript) expect([code, stdout]).toEqual([0, expect.stringMatching(/^Applied \d+ migrations/)])
    else
      expect([code, stdout, stderr]).toEqual([
        2,
        '',
        `keyward: Node.js ${process.versions.node} cannot read keyward.config.ts by itself, since it is TypeScript.
  NODE_OPTIONS="--import tsx" npx keyward …    with tsx installed: npm install --save-dev tsx
  or use Node.js 22.18 or later, or name it keyward.config.mjs
`,
      ])
  })

  it('is read by any Node.js with tsx, as the program advises', async () => {
    writeFileSync(join(folder, 'keyward.config.ts'), typed())
    expect(await migrate(`--import ${tsx}`)).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^Applied \d+ migrations/),
    })
  })

  it('that one in JavaScript imports is what is named', async () => {
    writeFileSync(join(folder, 'shared.ts'), typed())
    writeFileSync(join(folder, 'keyward.config.mjs'), "export { default } from './shared.ts'\n")
    const { code, stderr } = await migrate()
    if (readsTypeScript) expect(code).toBe(0)
    else
      expect([code, stderr]).toEqual([
        2,
        expect.stringMatching(/cannot read shared\.ts by itself.*\n.*\n.*or write it in JavaScript\n$/),
      ])
  })

  it('is not blamed for a file of another kind', async () => {
    writeFileSync(join(folder, 'limits.yaml'), 'limit: 1\n')
    writeFileSync(join(folder, 'keyward.config.mjs'), "import './limits.yaml'\nexport default {}\n")
    const { code, stderr } = await migrate()
    expect([code, stderr]).toEqual([
      2,
      expect.stringMatching(/^keyward: keyward\.config\.mjs could not be loaded: Unknown file extension ".yaml"/),
    ])
  })
})
