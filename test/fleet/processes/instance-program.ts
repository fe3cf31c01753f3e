import { existsSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

/** The program of an instance, made of its sources. */
export interface InstanceProgram {
  readonly main: string
  /** What is imported before it, and before any package. */
  readonly preload: string
}

let made: Promise<InstanceProgram> | undefined

/**
 * Makes one file of the library and the program, once in this process: a fleet starts three times as quickly with it as
 * from sources, for each instance would translate them anew.
 */
export function instanceProgram(): Promise<InstanceProgram> {
  made ??= make()
  return made
}

async function make(): Promise<InstanceProgram> {
  const source = (name: string) => fileURLToPath(new URL(name, import.meta.url))
  // Inside the project, so that packages are found.
  const folders = source('../../../node_modules/.cache/keyward-instances')
  removeLeftBehind(folders)
  const folder = join(folders, String(process.pid))
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
  const { build } = await import('tsup')
  await build({
    entry: [source('./instance.ts'), source('./skewed-clock.ts')],
    outDir: folder,
    format: 'esm',
    target: 'node20',
    config: false,
    silent: true,
    removeNodeProtocol: false,
    sourcemap: 'inline',
    // Packages stay where they are; `keyward` is the library's sources.
    external: [/^(?!keyward)[a-z@]/],
    // Another extension would make it CommonJS: the folder has no package.json.
    outExtension: () => ({ js: '.mjs' }),
  })
  const url = (name: string) => pathToFileURL(`${folder}/${name}.mjs`).href
  return { main: fileURLToPath(url('instance')), preload: url('skewed-clock') }
}

/** A test's process may be ended without being told: the next one tidies up. */
function removeLeftBehind(folders: string): void {
  if (!existsSync(folders)) return
  for (const pid of readdirSync(folders)) {
    if (!isRunning(Number(pid))) rmSync(join(folders, pid), { recursive: true, force: true })
  }
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}
