import { once } from 'node:events'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { AdapterHarness } from '../../src/testing/adapter/adapter-case.ts'

/** Waits for a server that was told to listen, and says how to end it. */
export async function listening(server: Server): Promise<Awaited<ReturnType<AdapterHarness['listen']>>> {
  if (!server.listening) await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    async close() {
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
}
