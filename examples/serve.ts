import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Keyward } from 'keyward'
import type { Environment } from './environment.ts'

/**
 * Serves an example: says in one line of JSON that it is ready, and ends cleanly on SIGTERM or SIGINT. Requests in
 * flight are answered first, then what is buffered is written, then the process exits with 0.
 *
 * @returns The address that it serves at.
 */
export async function serve(
  server: Server,
  keyward: Keyward,
  environment: Environment,
  closeBackends: () => Promise<void>,
): Promise<string> {
  await keyward.ready()
  await new Promise<void>((listening, failed) => {
    server.once('error', failed)
    server.listen(environment.port, environment.host, listening)
  })
  const { address, port, family } = server.address() as AddressInfo
  const url = `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`
  process.stdout.write(
    `${JSON.stringify({ ready: true, url, dashboard: `${url}/keys`, adminToken: environment.adminToken })}\n`,
  )
  for (const signal of ['SIGTERM', 'SIGINT'] as const)
    process.once(signal, () => void end(server, keyward, closeBackends))
  return url
}

async function end(server: Server, keyward: Keyward, closeBackends: () => Promise<void>): Promise<void> {
  // A client that keeps its connection open is told with its next answer that this was the last.
  server.prependListener('request', (_request, response) => response.setHeader('Connection', 'close'))
  const idle = setInterval(() => server.closeIdleConnections(), 100)
  await new Promise((closed) => server.close(closed))
  clearInterval(idle)
  await keyward.close()
  await closeBackends()
  process.exit(0)
}
