import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** Root of the project, with a slash at its end. */
export const projectRoot = fileURLToPath(new URL('../../', import.meta.url))

/** Source texts by their path from the project's root. */
export type SourceTree = ReadonlyMap<string, string>

/** Reads all files with one of the endings under the given folders of the project. */
export function readSourceTree(folders: readonly string[], endings: readonly string[]): SourceTree {
  const paths = folders.flatMap((folder) =>
    readdirSync(projectRoot + folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && endings.some((ending) => entry.name.endsWith(ending)))
      .map((entry) => `${entry.parentPath}/${entry.name}`.slice(projectRoot.length)),
  )
  return new Map(paths.sort().map((path) => [path, readFileSync(projectRoot + path, 'utf8')]))
}
