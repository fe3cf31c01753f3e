import { createRequire } from 'node:module'
import { type CheckResult, fail, ok, warn } from './doctor-check.ts'
import { packageVersion } from './project-package.ts'

interface Manifest {
  readonly version: string
  readonly engines: { readonly node: string }
  readonly peerDependencies: Readonly<Record<string, string>>
}

/** This package's own manifest, whether it runs from source or was built. */
export function readManifest(): Manifest {
  return createRequire(import.meta.url)('keyward/package.json') as Manifest
}

/** Checks Node.js, and the optional packages that are installed, against what this version of keyward takes. */
export function checkPrograms(folder: string): readonly CheckResult[] {
  const { engines, peerDependencies } = readManifest()
  const node = process.versions.node
  const checks = [
    satisfies(node, engines.node)
      ? ok('node', `Node.js ${node}`)
      : fail('node', `Node.js ${node}`, `keyward needs Node.js ${engines.node}.`),
  ]
  const installed = Object.entries(peerDependencies).flatMap(([name, range]) => {
    const version = name.startsWith('@types/') ? undefined : packageVersion(name, folder)
    return version === undefined ? [] : [{ name, range, version }]
  })
  const unfit = installed.filter(({ version, range }) => !satisfies(version, range))
  for (const { name, version, range } of unfit)
    checks.push(warn('packages', `${name} ${version}`, `keyward is tested with ${name} ${range}.`))
  if (unfit.length === 0 && installed.length > 0)
    checks.push(ok('packages', installed.map(({ name, version }) => `${name} ${version}`).join(', ')))
  return checks
}

/** Says whether a version is in a range of the two forms that the manifest has: `^1.2.3` and `>=1.2`, with `||` between. */
export function satisfies(version: string, range: string): boolean {
  const actual = partsOf(version)
  return range.split('||').some((part) => {
    const least = partsOf(part.replace(/^[\s^>=]+/, ''))
    if (compare(actual, least) < 0) return false
    if (!part.includes('^')) return true
    // Below 1.0, a caret holds the minor version as well.
    return actual[0] === least[0] && (least[0] !== 0 || actual[1] === least[1])
  })
}

type Parts = readonly [number, number, number]

function partsOf(version: string): Parts {
  const [major = 0, minor = 0, patch = 0] = version
    .trim()
    .split(/[.+-]/)
    .map((part) => Number.parseInt(part, 10) || 0)
  return [major, minor, patch]
}

function compare(one: Parts, other: Parts): number {
  for (const at of [0, 1, 2] as const) if (one[at] !== other[at]) return one[at] - other[at]
  return 0
}
