import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { CommandFailure, exitCodes } from './failure.ts'

/** A package that was found in the user's project. */
export interface ProjectPackage {
  readonly name: string
  /** What it exports, its default among them. */
  readonly exports: Readonly<Record<string, unknown>>
}

/**
 * Loads the first of some packages that the user's project has: their driver, not one of ours.
 *
 * @param folder - The user's project.
 * @param purpose - What it is needed for, for the message.
 * @throws {CommandFailure} When there is none, with the command that installs it.
 */
export async function loadPackage(
  names: readonly [string, ...string[]],
  folder: string,
  purpose: string,
): Promise<ProjectPackage> {
  for (const name of names) {
    const path = resolvePackage(name, folder)
    if (path === undefined) continue
    const module = (await import(pathToFileURL(path).href)) as Record<string, unknown>
    const inner = module['default']
    return { name, exports: typeof inner === 'object' && inner !== null ? { ...inner, ...module } : module }
  }
  throw new CommandFailure(
    `${purpose} needs the package ${names.join(' or ')}, which is not installed here.`,
    exitCodes.usage,
    [`npm install ${names[0]}`],
  )
}

/** Version of a package in the user's project, or beside this one; `undefined` where it is not installed. */
export function packageVersion(name: string, folder: string): string | undefined {
  for (const from of placesOf(folder)) {
    for (const path of from.resolve.paths(name) ?? []) {
      const version = versionAt(join(path, name, 'package.json'))
      if (version !== undefined) return version
    }
  }
  return undefined
}

function versionAt(manifest: string): string | undefined {
  try {
    return (JSON.parse(readFileSync(manifest, 'utf8')) as { version?: string }).version
  } catch {
    return undefined
  }
}

function resolvePackage(name: string, folder: string): string | undefined {
  for (const from of placesOf(folder)) {
    try {
      return from.resolve(name)
    } catch {
      // Not there, or not to be had by require: the next place may have it.
    }
  }
  return undefined
}

/** The user's project first; where this package lies, for those who run it from a checkout. */
function placesOf(folder: string): readonly NodeJS.Require[] {
  return [
    createRequire(join(folder, 'package.json')),
    createRequire(join(dirname(import.meta.filename), 'package.json')),
  ]
}
