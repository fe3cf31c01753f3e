import { accessSync, closeSync, constants, openSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { ConfigError } from '../../model/errors.ts'

/**
 * Creates the database file with mode 0600 where there is none, and checks the one that is there: a file that can
 * be read and written, and by nobody but its owner. SQLite gives `-wal` and `-shm` the mode of the file. Where
 * files have no modes (Windows) only access is checked.
 *
 * @throws {ConfigError} With the path and the rule; no existing file was touched.
 */
export function prepareDatabaseFile(path: string): void {
  if (statSync(dirname(path), { throwIfNoEntry: false })?.isDirectory() !== true)
    throw new ConfigError(`sqlite(): the directory of ${path} must exist.`)
  try {
    if (statSync(path, { throwIfNoEntry: false }) === undefined) closeSync(openSync(path, 'a', 0o600))
    accessSync(path, constants.R_OK | constants.W_OK)
    accessSync(dirname(path), constants.W_OK)
  } catch (error) {
    throw new ConfigError(`sqlite(): ${path} and its directory must be readable and writable.`, { cause: error })
  }
  for (const file of [path, `${path}-wal`, `${path}-shm`]) checkFile(file)
}

function checkFile(path: string): void {
  const file = statSync(path, { throwIfNoEntry: false })
  if (file === undefined || process.platform === 'win32') return
  const mode = (file.mode & 0o777).toString(8).padStart(4, '0')
  if ((file.mode & 0o077) !== 0)
    throw new ConfigError(`sqlite(): ${path} must be closed to other users, but has mode ${mode}: chmod 600 ${path}`)
  if ((file.mode & 0o200) === 0) throw new ConfigError(`sqlite(): ${path} must be writable, but has mode ${mode}.`)
}
