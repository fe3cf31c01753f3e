import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { makeKeys } from './generated-keys.ts'
import { sendLoad } from './load.ts'
import { number, printTable, verdict } from './table.ts'
import type { Framework, ServerOrder, Variant } from './throughput-order.ts'

/** What is promised: the share of what is written by hand, and for the check alone the share of the bare framework. */
const SHARE_OF_BARE: Readonly<Record<Framework, number>> = { express: 0.93, fastify: 0.91, hono: 0.83 }
const SHARE_OF_HAND = 0.97
const VARIANTS: readonly Variant[] = ['bare', 'by hand', 'keyward', 'by hand, check alone', 'keyward, check alone']

const isQuick = process.argv.includes('--quick')
const rounds = isQuick ? 2 : 5
const roundMs = isQuick ? 1_000 : 1_200
/** Long enough for the compiler to have done its work, under Express too. */
const warmUpMs = 3_000
const keys = makeKeys(64)
const hasTaskset = spawnSync('taskset', ['--version']).status === 0
if (hasTaskset) spawnSync('taskset', ['-a', '-p', '-c', '1', String(process.pid)])

for (const framework of ['express', 'fastify', 'hono'] as const) await compare(framework)

/** Requests a second, and microseconds of the server's processor time for each. */
interface Round {
  readonly perSecond: number
  readonly microseconds: number
}

async function compare(framework: Framework): Promise<void> {
  const servers = await Promise.all(VARIANTS.map((variant) => start({ framework, variant, keys })))
  const results = VARIANTS.map((): Round[] => [])
  for (let round = -1; round < rounds; round++)
    for (const [index, server] of servers.entries()) {
      const result = await load(server, round < 0 ? warmUpMs : roundMs)
      if (round >= 0) results[index]!.push(result)
    }
  for (const { process } of servers) process.disconnect()

  const costs = results.map((all) => median(all.map((each) => each.microseconds)))
  const speeds = results.map((all) => median(all.map((each) => each.perSecond)))
  const [bare = 0, hand = 0, keyward = 0, handAlone = 0, alone = 0] = costs
  printTable(
    `${framework}: medians of ${rounds} rounds`,
    ['', 'requests a second', 'µs of processor time a request', 'share of bare', 'share of by hand'],
    VARIANTS.map((variant, index) => [
      variant,
      number(speeds[index]!),
      number(costs[index]!, 2),
      share(bare / costs[index]!),
      variant === 'keyward'
        ? share(hand / keyward)
        : variant === 'keyward, check alone'
          ? share(handAlone / alone)
          : '',
    ]),
  )
  verdict(`${framework}: share of by hand`, hand / keyward, 'at least', SHARE_OF_HAND)
  verdict(`${framework}: check alone, share of bare`, bare / alone, 'at least', SHARE_OF_BARE[framework])
}

interface RunningServer {
  readonly process: ChildProcess
  readonly port: number
}

/** Starts a server in a process of its own, on a core of its own where that can be had. */
async function start(order: ServerOrder): Promise<RunningServer> {
  const program = fileURLToPath(new URL('throughput-server.js', import.meta.url))
  const command = [process.execPath, program, JSON.stringify(order)]
  const [file, ...args] = hasTaskset ? ['taskset', '-c', '0', ...command] : command
  const child = spawn(file!, args, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
  const [{ port }] = (await once(child, 'message')) as [{ port: number }]
  return { process: child, port }
}

/** Keeps one request in flight on each of fifty connections. */
async function load({ process: server, port }: RunningServer, durationMs: number): Promise<Round> {
  const before = await processorMicroseconds(server)
  const begunAt = performance.now()
  const answered = await sendLoad({ port, keys, connections: 50, depth: 1, durationMs })
  const seconds = (performance.now() - begunAt) / 1_000
  const microseconds = (await processorMicroseconds(server)) - before
  return { perSecond: answered / seconds, microseconds: microseconds / answered }
}

async function processorMicroseconds(server: ChildProcess): Promise<number> {
  server.send('processor time')
  const [{ cpu }] = (await once(server, 'message')) as [{ cpu: NodeJS.CpuUsage }]
  return cpu.user + cpu.system
}

function median(values: readonly number[]): number {
  return values.toSorted((one, other) => one - other)[values.length >> 1]!
}

function share(value: number): string {
  return `${number(value * 100, 1)} %`
}
