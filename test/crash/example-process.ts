import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

/** An example app in a process of its own. */
export interface ExampleProcess {
  readonly child: ChildProcess
  readonly url: string
  /** Sends a request to the management API. */
  manage(method: string, path: string, body?: unknown): Promise<Response>
  /** Ends the process at once, as a power cut would. */
  kill(): Promise<void>
}

const TOKEN = 'admin_token_of_a_test_0123456789'
const root = fileURLToPath(new URL('../../', import.meta.url))

/** Starts an example on a file and a free port, and waits until it says that it is ready. */
export async function startExample(name: string, databaseFile: string): Promise<ExampleProcess> {
  const child = spawn(process.execPath, ['--import', 'tsx', `examples/${name}/server.ts`], {
    cwd: root,
    env: { ...process.env, PORT: '0', DATABASE_URL: `sqlite:${databaseFile}`, KEYWARD_ADMIN_TOKEN: TOKEN },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const url = await readyUrl(child)
  return {
    child,
    url,
    manage: (method, path, body) =>
      fetch(`${url}/manage${path}`, {
        method,
        headers: { Authorization: `Bearer ${TOKEN}`, 'Content-Type': 'application/json' },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      }),
    async kill() {
      const ended = once(child, 'exit')
      child.kill('SIGKILL')
      await ended
    },
  }
}

async function readyUrl(child: ChildProcess): Promise<string> {
  if (child.stdout === null) throw new Error('the process has no output')
  for await (const line of createInterface({ input: child.stdout })) {
    const said = JSON.parse(line) as { ready?: boolean; url?: string }
    if (said.ready === true && said.url !== undefined) {
      child.stdout.resume()
      return said.url
    }
  }
  throw new Error(`the process ended before it was ready (${child.exitCode})`)
}
