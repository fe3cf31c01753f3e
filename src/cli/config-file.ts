import { existsSync } from 'node:fs'
import { basename, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { KeywardOptions } from '../index.ts'
import { CommandFailure, exitCodes } from './failure.ts'

/** Names that are looked for, in this order. */
export const configNames = ['keyward.config.ts', 'keyward.config.mjs', 'keyward.config.js'] as const

/** Finds the file that was named, or the one in the folder; `undefined` where there is none. */
export function findConfig(named: string | undefined, folder: string): string | undefined {
  if (named === undefined) return configNames.map((name) => resolve(folder, name)).find((path) => existsSync(path))
  const path = resolve(folder, named)
  if (!existsSync(path)) throw new CommandFailure(`There is no file ${named}.`, exitCodes.usage)
  return path
}

/**
 * Loads the options that a file exports as its default: the options themselves, or a function that makes them, which may be
 * an async one.
 *
 * @throws {CommandFailure} When the file cannot be loaded, or exports something else.
 */
export async function loadConfig(path: string): Promise<KeywardOptions> {
  const name = basename(path)
  const module = await importConfig(path, name)
  const exported = module['default']
  const made: unknown = typeof exported === 'function' ? await (exported as () => unknown)() : exported
  if (isOptions(made)) return made
  const advice = ['export default { store: sqlite("keyward.db") }  // and in your server: createKeyward(options)']
  if (typeof made === 'object' && made !== null && 'keys' in made && 'authenticate' in made)
    throw new CommandFailure(
      `${name} exports a keyward: it must export the options that createKeyward is given, or a function that makes them.`,
      exitCodes.usage,
      advice,
    )
  throw new CommandFailure(
    `${name} must have a default export: the options of createKeyward, or a function that makes them.`,
    exitCodes.usage,
    advice,
  )
}

async function importConfig(path: string, name: string): Promise<Record<string, unknown>> {
  try {
    return (await import(pathToFileURL(path).href)) as Record<string, unknown>
  } catch (error) {
    const { message } = error as { message?: string }
    const unread = unreadTypeScript(error as { code?: string; message?: string })
    if (unread !== undefined)
      throw new CommandFailure(
        `Node.js ${process.versions.node} cannot read ${unread} by itself, since it is TypeScript.`,
        exitCodes.usage,
        [
          'NODE_OPTIONS="--import tsx" npx keyward …    with tsx installed: npm install --save-dev tsx',
          `or use Node.js 22.18 or later, or ${unread === name ? 'name it keyward.config.mjs' : 'write it in JavaScript'}`,
        ],
        error,
      )
    const missing = /Cannot find package '([^']+)'/.exec(message ?? '')?.[1]
    throw new CommandFailure(
      `${name} could not be loaded: ${message ?? String(error)}`.split('\n', 1)[0] ?? '',
      exitCodes.usage,
      missing === undefined ? [] : [`npm install ${missing}`],
      error,
    )
  }
}

/** The file, the configuration or one that it imports, that Node.js cannot read since it is TypeScript. */
function unreadTypeScript({ code, message = '' }: { code?: string; message?: string }): string | undefined {
  if (code !== 'ERR_UNKNOWN_FILE_EXTENSION' && code !== 'ERR_UNSUPPORTED_NODE_MODULES_TYPE_STRIPPING') return undefined
  const path = /for "?(.+\.[cm]?tsx?)"?$/m.exec(message)?.[1]
  return path === undefined ? undefined : basename(path)
}

function isOptions(value: unknown): value is KeywardOptions {
  if (typeof value !== 'object' || value === null || !('store' in value)) return false
  return typeof value.store === 'object' && value.store !== null && 'open' in value.store
}
