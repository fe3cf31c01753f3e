import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

/** A proxy that can be led to another server, as a managed Redis does at a failover: one address, and no word of it. */
export interface Switchboard {
  readonly url: string
  /** Resets all connections; new ones lead to another port of 127.0.0.1. */
  switchTo(port: number): void
  stop(): Promise<void>
}

/** Starts a switchboard for Redis on a free port. */
export async function startSwitchboard(firstPort: number): Promise<Switchboard> {
  let target = firstPort
  const sockets = new Set<Socket>()
  const server = createServer({ noDelay: true }, (client) => {
    const onward = connect({ port: target, host: '127.0.0.1', noDelay: true })
    for (const [from, to] of [
      [client, onward],
      [onward, client],
    ] as const) {
      sockets.add(from)
      from.pipe(to)
      from
        .on('error', () => to.destroy())
        .on('close', () => {
          sockets.delete(from)
          to.destroy()
        })
    }
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const reset = () => {
    for (const socket of sockets) socket.resetAndDestroy()
  }
  return {
    url: `redis://127.0.0.1:${(server.address() as AddressInfo).port}`,
    switchTo(port) {
      target = port
      reset()
    },
    async stop() {
      const closed = once(server, 'close')
      server.close()
      reset()
      await closed
    },
  }
}
