import { builtinModules } from 'node:module'
import { type Import, listImports } from './imports.ts'
import type { SourceTree } from './source-tree.ts'

/** A part of the house and where its arrows may point, besides its own room (DESIGN, section 5). */
interface Part {
  readonly name: string
  readonly files: RegExp
  /** Files of the project that it may import. */
  readonly to: readonly RegExp[]
  /** Files among these, and in its own room, that are closed to it all the same. */
  readonly notTo?: RegExp
  /** Whether not even its own room is open to it. */
  readonly closed?: boolean
  /** Packages that it may import. */
  readonly packages?: RegExp
  /** Packages of which it may take nothing but types. */
  readonly typePackages?: RegExp
  /** Whether it may import modules of Node.js. */
  readonly node?: boolean
}

const face = /^src\/index\.ts$/
const model = /^src\/model\//
const manage = /^src\/manage\//
const room = /^src\/(?!stores|manage|client|otel|dashboard|cli|testing)[^/]+\//
const events = /^src\/events\.ts$/
const systemClock = /^src\/stores\/system-clock\.ts$/
const memory = /^src\/stores\/(memory\/|system-clock\.ts$)/
const pureWindow = /^src\/limits\/(sliding-window|admission-log|coarse-counter|tick-pool)\.ts$/
/** The entry point that is loaded only by whoever wants session tokens, and jose with it. */
const signer = /^src\/sessions\/(sessions|(import-)?signing-key|token-claims)\.ts$/
/** The servers that tests and benches start. */
const servers = /^test\/servers\//
const corePackages = /^(zod|lru-cache|ipaddr\.js)$/

/** The first part that matches a path is its own. */
const parts: readonly Part[] = [
  { name: 'the ground floor', files: model, to: [] },
  { name: 'the pure window', files: pureWindow, to: [pureWindow, model], closed: true },
  { name: 'the memory store', files: memory, to: [model, systemClock, pureWindow] },
  {
    name: 'a driver',
    files: /^src\/stores\/[^/]+\//,
    to: [model, systemClock, /^src\/stores\/sql\//],
    packages: /^(libsql|better-sqlite3|kysely)$/,
    node: true,
  },
  {
    name: 'the management API',
    files: /^src\/manage\//,
    to: [face],
    packages: /^(zod|hono|@hono\/zod-openapi)$/,
  },
  { name: 'the dashboard', files: /^src\/dashboard\//, to: [face, manage], packages: /^(hono|d3-scale)$/ },
  {
    name: 'the command line',
    files: /^src\/cli\//,
    to: [face, /^src\/stores\/(?<driver>sqlite|postgres|mysql|redis)\/\k<driver>\.ts$/],
    packages: /^(commander|cli-table3)$/,
    node: true,
  },
  { name: 'the client', files: /^src\/client\//, to: [] },
  { name: 'the telemetry', files: /^src\/otel\//, to: [face], packages: /^@opentelemetry\/api$/ },
  { name: 'the test kit', files: /^src\/testing\//, to: [face, model, memory], node: true },
  { name: 'the signer of sessions', files: signer, to: [signer, model], closed: true, packages: /^jose$/ },
  { name: 'a room', files: room, to: [room, events], notTo: signer, packages: corePackages },
  { name: 'the list of events', files: events, to: [room] },
  { name: 'the public face', files: face, to: [room, memory, /^src\/[^/]+\.ts$/], notTo: signer },
  {
    name: 'the composition',
    files: /^src\/[^/]+\.ts$/,
    to: [room, memory, /^src\/(?!index\.ts)[^/]+\.ts$/],
    notTo: signer,
    packages: corePackages,
  },
  { name: 'an adapter', files: /^adapters\//, to: [face], typePackages: /^(express|hono|fastify)$/ },
  { name: 'an example', files: /^(examples|bench)\//, to: [/^(examples|bench)\//, servers], packages: /./, node: true },
]

/** Names every import that points against the arrows, type-only imports included, and every circle of rooms. */
export function findBrokenArrows(tree: SourceTree): readonly string[] {
  const broken: string[] = []
  const roads = new Map<string, Set<string>>()
  for (const [path, text] of tree) {
    const part = parts.find(({ files }) => files.test(path))
    if (part === undefined) broken.push(`${path} is in no part of the house`)
    else
      for (const found of listImports(path, text)) {
        const reason = refuse(part, path, found)
        if (reason !== undefined) broken.push(`${path} imports ${found.target}: ${part.name} ${reason}`)
        if (room.test(path) && room.test(found.target)) addRoad(roads, roomOf(path), roomOf(found.target))
      }
  }
  return [...broken, ...findCircles(roads)]
}

function refuse(part: Part, path: string, { target, typeOnly }: Import): string | undefined {
  if (/^(src|adapters|test|examples|bench|scripts)\//.test(target)) {
    if (part.notTo?.test(target)) return 'has no way there'
    if ((!part.closed && roomOf(target) === roomOf(path)) || part.to.some((allowed) => allowed.test(target)))
      return undefined
    return 'has no way there'
  }
  if (target.startsWith('node:') || builtinModules.includes(target)) return part.node ? undefined : 'knows no Node.js'
  const name = packageOf(target)
  if (part.packages?.test(name)) return undefined
  if (part.typePackages?.test(name)) return typeOnly ? undefined : 'takes only types from it'
  return 'knows no such package'
}

/** `src/keys`, `src/stores/sqlite`; a file that is in no room is a room of its own. */
function roomOf(path: string): string {
  return /^src\/stores\/[^/]+(?=\/)|^(src|examples)\/[^/]+(?=\/)|^bench(?=\/)/.exec(path)?.[0] ?? path
}

function packageOf(specifier: string): string {
  return /^(@[^/]+\/)?[^/]+/.exec(specifier)?.[0] ?? specifier
}

function addRoad(roads: Map<string, Set<string>>, from: string, to: string): void {
  if (from === to) return
  const targets = roads.get(from)
  if (targets === undefined) roads.set(from, new Set([to]))
  else targets.add(to)
}

function findCircles(roads: ReadonlyMap<string, ReadonlySet<string>>): readonly string[] {
  const circles: string[] = []
  const done = new Set<string>()
  const walk = (from: string, trail: readonly string[]): void => {
    if (trail.includes(from))
      circles.push(`rooms in a circle: ${[...trail.slice(trail.indexOf(from)), from].join(' -> ')}`)
    if (trail.includes(from) || done.has(from)) return
    for (const to of roads.get(from) ?? []) walk(to, [...trail, from])
    done.add(from)
  }
  for (const start of roads.keys()) walk(start, [])
  return circles
}
