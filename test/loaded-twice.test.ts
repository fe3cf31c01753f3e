import { execFileSync } from 'node:child_process'
import { cpSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'

const root = fileURLToPath(new URL('..', import.meta.url))

/** Loads the library from these folders in one process. @returns The warnings that each copy told, by folder. */
function warningsOf(folders: readonly string[]): readonly (readonly string[])[] {
  const program = `
    const told = []
    for (const folder of ${JSON.stringify(folders)}) {
      const { createKeyward, memory } = await import(folder + '/src/index.ts')
      const events = []
      createKeyward({ store: memory({ losesDataOnExit: true }), clientAddress: 'peer', onEvent: (event) => events.push(event) })
      told.push(events.filter((event) => event.type === 'warning').map((event) => event.code))
    }
    console.log(JSON.stringify(told))`
  const output = execFileSync(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', program], {
    cwd: root,
  })
  return JSON.parse(output.toString()) as string[][]
}

describe('two copies of the library in one process', () => {
  it('270: are told of by the second, and one copy is not', () => {
    const copy = mkdtempSync(join(tmpdir(), 'keyward-copy-'))
    try {
      for (const name of ['src', 'package.json', 'tsconfig.json'])
        cpSync(join(root, name), join(copy, name), { recursive: true })
      symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'))
      expect(warningsOf([root, root])).toEqual([[], []])
      expect(warningsOf([root, copy])).toEqual([[], ['loaded_twice']])
    } finally {
      rmSync(copy, { recursive: true, force: true })
    }
  })
})
