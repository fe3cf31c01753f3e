import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll } from 'vitest'

const directories: string[] = []

afterAll(() => {
  for (const directory of directories.splice(0)) rmSync(directory, { recursive: true, force: true })
})

/** Names a file that is not there yet, in a new directory that is removed when the test file has run. */
export function temporaryFile(name = 'keys.db'): string {
  const directory = mkdtempSync(join(tmpdir(), 'keyward-'))
  directories.push(directory)
  return join(directory, name)
}
