import { execFile } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'

const run = promisify(execFile)
const root = fileURLToPath(new URL('../../', import.meta.url))
const examples = readdirSync(`${root}examples`, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => name)

describe('an example', () => {
  it('is each of those that have a table', () => {
    expect(examples).toEqual(expect.arrayContaining(['pi', 'pipevideo', 'ppt-video', 'videogen', 'visionpipe']))
  })

  it.each(examples)('%s behaves as its table says, line by line', { timeout: 180_000 }, async (name) => {
    const { stdout } = await run(`${root}examples/${name}/try.sh`, { cwd: root }).catch((error) => error)
    const lines = String(stdout).split('\n')
    expect(lines.filter((line) => line.startsWith('WRONG'))).toEqual([])
    expect(lines.filter((line) => line.startsWith('ok')).length).toBeGreaterThan(20)
    expect(stdout).toContain('Everything is as the table says.')
  })
})
