import { existsSync, readdirSync } from 'node:fs'

// `npm run example <name>`: starts examples/<name>/server.ts in this very process, so that signals and the exit
// code are the example's own.
const examples = new URL('../examples/', import.meta.url)
const names = readdirSync(examples, { withFileTypes: true })
  .filter((entry) => entry.isDirectory() && existsSync(new URL(`${entry.name}/server.ts`, examples)))
  .map((entry) => entry.name)

const name = process.argv[2]
if (name === undefined || !names.includes(name)) {
  console.error(`Usage: npm run example <name>\nExamples: ${names.join(', ')}`)
  process.exit(2)
}

await import(new URL(`${name}/server.ts`, examples).href)
