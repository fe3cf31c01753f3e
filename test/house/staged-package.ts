import { execFile } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { projectRoot } from './source-tree.ts'

const run = promisify(execFile)
const leftBehind = new Set(['node_modules', 'dist', 'coverage', '.git', '.data'])

/** A file as `npm pack` lists it. */
export interface PackedFile {
  readonly path: string
  readonly size: number
}

/** A copy of the project in a folder of its own, so that building and packing it disturbs nobody. */
export interface StagedPackage {
  readonly folder: string
  /** Builds it, from nothing. */
  build(): Promise<void>
  /** Packs what was built; answers with the tarball's path and its contents. */
  pack(): Promise<{ readonly tarball: string; readonly files: readonly PackedFile[] }>
  remove(): void
}

/** Copies the project, without what git ignores, to a temporary folder. */
export function stagePackage(): StagedPackage {
  const folder = mkdtempSync(join(tmpdir(), 'keyward-package-'))
  for (const name of readdirSync(projectRoot))
    if (!leftBehind.has(name)) cpSync(projectRoot + name, join(folder, name), { recursive: true })
  symlinkSync(`${projectRoot}node_modules`, join(folder, 'node_modules'))
  return {
    folder,
    async build() {
      await run(process.execPath, ['node_modules/tsup/dist/cli-default.js', '--silent'], { cwd: folder })
    },
    async pack() {
      const { stdout } = await run('npm', ['pack', '--json', '--ignore-scripts'], { cwd: folder })
      const [packed] = JSON.parse(stdout) as [{ filename: string; files: PackedFile[] }]
      return { tarball: join(folder, packed.filename), files: packed.files }
    },
    remove() {
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** Installs a tarball, and peers beside it, without install scripts, into an empty project, as a user does. */
export async function installPackage(tarball: string, peers: readonly string[]): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'keyward-user-'))
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'package.json'), '{ "private": true, "type": "module" }')
  const flags = ['--ignore-scripts', '--prefer-offline', '--no-audit', '--no-fund']
  await run('npm', ['install', tarball, ...peers, ...flags], { cwd: folder })
  return folder
}

/** Runs a program in a folder with the given flags of Node.js and returns what it prints. */
export async function runProgram(folder: string, program: string, flags: readonly string[] = []): Promise<string> {
  const { stdout } = await run(process.execPath, [...flags, '--input-type=module', '--eval', program], { cwd: folder })
  return stdout.trim()
}

/** Reads a JSON file of the project. */
export function readJson(path: string): unknown {
  return JSON.parse(readFileSync(projectRoot + path, 'utf8'))
}
