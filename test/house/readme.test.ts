import { existsSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { findBrokenSamples, findCodeSamples } from './code-samples.ts'
import { projectRoot, readSourceTree } from './source-tree.ts'

const pages = new Map([...readSourceTree(['docs', 'src', 'adapters'], ['.md', '.ts'])])
if (existsSync(`${projectRoot}README.md`)) pages.set('README.md', readFileSync(`${projectRoot}README.md`, 'utf8'))

describe('what users read', () => {
  it('compiles: every sample in the README, in docs/ and in doc comments', () => {
    expect(findBrokenSamples([...pages].flatMap(([path, text]) => findCodeSamples(path, text)))).toEqual([])
  })

  it('begins with code that runs, and says how to run the example and the tests in one command each', () => {
    const readme = pages.get('README.md') ?? ''
    const commands = [...readme.matchAll(/^```(?:sh|bash|console)\n([\s\S]*?)^```$/gm)].map(([, command]) => command)
    expect(commands.filter((command) => command?.startsWith('npm ci'))).toEqual([
      'npm ci && npm run example pipevideo\n',
      'npm ci && npm test\n',
    ])
    expect(readme.split('\n').slice(0, 30).join('\n')).toMatch(/^```ts\n/m)
    expect(readme.split('\n').length).toBeLessThan(250)
  })
})

describe('the check of samples', () => {
  it('finds samples in pages and in doc comments, and strings together those that continue', () => {
    expect(
      findCodeSamples('a.md', '# A\n```ts\nconst a = 1\n```\n```sh\nls\n```\n```ts continued\na + 1\n```\n'),
    ).toEqual([
      { at: 'a.md:3', code: 'const a = 1\n' },
      { at: 'a.md:9', code: 'const a = 1\na + 1\n' },
    ])
    expect(findCodeSamples('a.ts', '/**\n * Adds.\n *\n * ```ts\n * add(1)\n *\n * add(2)\n * ```\n */')).toEqual([
      { at: 'a.ts:5', code: 'add(1)\n\nadd(2)\n' },
    ])
  })

  it('refuses a sample that does not compile, and says where it stands', () => {
    const broken = findBrokenSamples([
      { at: 'README.md:7', code: "const n: number = 'one'\n" },
      { at: 'README.md:9', code: "import { nothing } from 'keyward/no-such-entry'\n" },
      { at: 'README.md:11', code: 'const fine = await Promise.resolve(1)\n' },
    ])
    expect(broken.map((line) => line.split(' ')[0])).toEqual(['README.md:7:', 'README.md:9:'])
  })
})
