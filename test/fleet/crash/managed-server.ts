import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { build } from 'tsup'
import type { Start } from './managed-process.ts'

const root = fileURLToPath(new URL('../../../', import.meta.url))
const outDir = `${root}node_modules/.cache/keyward-managed`

/** A management API in a process of its own. */
export interface ManagedServer {
  readonly url: string
  /** Ends it as a power cut would. */
  kill(): Promise<void>
}

/** Starts one server after the other, each in a process that had been waiting with everything loaded. */
export interface ServerLine {
  next(): Promise<ManagedServer>
  close(): Promise<void>
}

/**
 * Opens a line of servers on a database. They run from one file, built once, packages and all: a loader, or the
 * hundreds of files of the packages, would take each of them longer than the load before its kill.
 *
 * @param waiting - How many wait at any time.
 */
export async function openLine(start: Start, waiting: number): Promise<ServerLine> {
  await build({
    entry: { server: 'test/fleet/crash/managed-process.ts' },
    ...{ format: 'esm', target: 'node20', platform: 'node', outDir, splitting: false, config: false, silent: true },
    ...{ noExternal: [/^(?!libsql|pg$)/], external: ['libsql', 'pg'], minifySyntax: true, minifyWhitespace: true },
  })
  const children = new Set<ChildProcess>()
  const line: Promise<ChildProcess>[] = []
  const fill = () => {
    while (line.length < waiting) line.push(startChild(children))
  }
  fill()
  return {
    async next() {
      const child = await (line.shift() as Promise<ChildProcess>)
      fill()
      const said = once(child, 'message')
      child.send(start)
      const [{ url }] = (await said) as [{ url: string }]
      return { url, kill: () => endChild(child, children) }
    },
    async close() {
      await Promise.allSettled(line)
      await Promise.all(Array.from(children, (child) => endChild(child, children)))
    },
  }
}

async function startChild(children: Set<ChildProcess>): Promise<ChildProcess> {
  const child = fork(`${outDir}/server.js`, { cwd: root, execArgv: [], stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
  children.add(child)
  await once(child, 'message')
  return child
}

async function endChild(child: ChildProcess, children: Set<ChildProcess>): Promise<void> {
  children.delete(child)
  const ended = once(child, 'exit')
  child.kill('SIGKILL')
  await ended
}
