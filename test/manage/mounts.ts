import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { getRequestListener } from '@hono/node-server'
import express from 'express'
import express4 from 'express4'
import fastify from 'fastify'
import { Hono } from 'hono'
import type { Management } from 'keyward/manage'

/** A running server with the API mounted, by whatever framework. */
export interface Mounted {
  /** Address of the mount: `http://127.0.0.1:<port>/manage`. */
  readonly url: string
  readonly port: number
  close(): Promise<void>
}

/** What can be mounted. */
export type Mountable = Pick<Management, 'fetch' | 'express' | 'fastify' | 'hono'>

/** Starts a server that has an API mounted at `/manage`. */
export type Mount = (api: Mountable) => Promise<Mounted>

/** Every way to mount the API, over real HTTP. */
export const mounts: Readonly<Record<'express' | 'express 4' | 'fastify' | 'hono' | 'fetch', Mount>> = {
  express: (api) => listen(createServer(express().use('/manage', api.express()))),
  'express 4': (api) => listen(createServer(express4().use('/manage', api.express()))),
  async fastify(api) {
    const app = fastify()
    app.register(api.fastify, { prefix: '/manage' })
    await app.ready()
    return listen(app.server, () => app.close())
  },
  hono: (api) => listen(createServer(getRequestListener(new Hono().route('/manage', api.hono()).fetch))),
  // A host of its own: fetch gets what a runtime hands over, as Deno does.
  fetch: (api) =>
    listen(
      createServer(
        getRequestListener((request, { incoming }) => api.fetch(request, infoOf(incoming as IncomingMessage))),
      ),
    ),
}

/** Names of the mounts, for `describe.each`. */
export const mountNames = Object.keys(mounts) as readonly (keyof typeof mounts)[]

/** Starts a server on a free port. */
export async function listen(server: Server, close?: () => Promise<unknown>): Promise<Mounted> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}/manage`,
    port,
    async close() {
      server.closeAllConnections()
      if (close !== undefined) await close()
      else await new Promise((resolve) => server.close(resolve))
    },
  }
}

function infoOf({ socket }: IncomingMessage) {
  return { remoteAddr: { hostname: socket.remoteAddress } }
}
