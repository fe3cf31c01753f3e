import type { Server } from 'node:http'
import { serve } from '@hono/node-server'
import type { AdapterHarness } from '../../src/testing/adapter/adapter-case.ts'
import { describeAdapter } from './contract.ts'
import { honoApp } from './hono-app.ts'
import { listening } from './node-server.ts'

const onNode: AdapterHarness = {
  listen: (keyward, routes) =>
    listening(serve({ fetch: honoApp(keyward, routes).fetch, hostname: '127.0.0.1', port: 0 }) as Server),
}

/** As on Bun, Deno and Workers: the app is given nothing but the request. */
const elsewhere: AdapterHarness = {
  listen(keyward, routes) {
    const app = honoApp(keyward, routes)
    return listening(serve({ fetch: (request) => app.fetch(request), hostname: '127.0.0.1', port: 0 }) as Server)
  },
}

describeAdapter('Hono on Node', onNode)
describeAdapter('Hono elsewhere', elsewhere)
