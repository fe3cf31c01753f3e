import { type Context, Hono } from 'hono'
import { basePath } from 'hono/route'
import { headOfFetch, headOfNode, type NodeRequestLike, peerOfFetch } from '../index.ts'
import { bodylessRequest } from './arrival.ts'
import { limitBytes, readWebBody } from './byte-limit.ts'
import type { Serve } from './serve-management.ts'

/** Makes the app that Hono mounts. */
export function mountOnHono(serve: Serve): Hono {
  return new Hono().all('*', (context) => {
    const { raw } = context.req
    const incoming = nodeRequestOf(context)
    const mount = basePath(context).replace(/\/$/, '')
    const { pathname, search } = new URL(raw.url)
    return serve({
      head: incoming === undefined ? headOfFetch(raw, peerOfFetch(raw, context.env)) : headOfNode(incoming),
      request: bodylessRequest(raw.method, raw.url, raw.headers),
      target: pathname.slice(mount.length) + search,
      basePath: mount,
      native: context,
      subject: incoming ?? context,
      readBody: (mostBytes) => readBody(context, mostBytes),
    })
  })
}

/** Reads the body, or what a middleware of the host has left of it with Hono. */
async function readBody({ req }: Context, mostBytes: number): Promise<Uint8Array | undefined> {
  if (!req.raw.bodyUsed) return readWebBody(req.raw.body, mostBytes)
  return limitBytes(new Uint8Array(await req.arrayBuffer()), mostBytes)
}

/** Node's own request, where Hono runs on `@hono/node-server`. */
function nodeRequestOf({ env }: Context): NodeRequestLike | undefined {
  return Array.isArray(env?.incoming?.rawHeaders) ? env.incoming : undefined
}
