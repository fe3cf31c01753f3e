import { createServer } from 'node:net'

const handedOut = new Set<number>()

/**
 * Finds a port on 127.0.0.1 on which nothing listens.
 *
 * Ports are drawn from 10000 to 21999, below the range from which the kernel takes ports for outgoing connections, so
 * that a server can come back to its port after a restart; and no process is given one twice. Another process may
 * still take it first: whoever listens on it tries again with another.
 *
 * @param alsoFree - Distance to a second port that must be free too, such as 10000 for the bus of a Redis Cluster.
 * @throws When 200 draws find none.
 */
export async function freePort(alsoFree = 0): Promise<number> {
  for (let draw = 0; draw < 200; draw += 1) {
    const port = 10_000 + Math.floor(Math.random() * 12_000)
    if (handedOut.has(port)) continue
    handedOut.add(port)
    if ((await isFree(port)) && (alsoFree === 0 || (await isFree(port + alsoFree)))) return port
  }
  throw new Error('No free port between 10000 and 21999.')
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
}
