#!/usr/bin/env node
import { exitCodes } from './failure.ts'
import { run } from './run.ts'

const { stdin, stdout, stderr } = process
const interrupted = new AbortController()

// Who reads has seen enough (`| head`): that is no error.
for (const stream of [stdout, stderr])
  stream.on('error', (error: NodeJS.ErrnoException) =>
    process.exit(error.code === 'EPIPE' ? exitCodes.ok : exitCodes.failed),
  )

// The first interrupt lets what is being written end, the second does not.
process.on('SIGINT', () => {
  if (interrupted.signal.aborted) process.exit(exitCodes.interrupted)
  interrupted.abort()
})

const code = await run({
  arguments: process.argv.slice(2),
  variables: process.env,
  folder: process.cwd(),
  streams: { stdin, stdout, stderr },
  signal: interrupted.signal,
})

// Pools of a config file stay open, and would hold the process; what was printed must have left before it ends, but a
// reader that takes nothing does not hold it after an interrupt.
if (code !== exitCodes.interrupted)
  await Promise.all([stdout, stderr].map((stream) => new Promise((done) => void stream.write('', done))))
process.exit(code)
