import { createServer, request as httpRequest, type IncomingMessage } from 'node:http'
import { getRequestListener } from '@hono/node-server'
import express from 'express'
import express4 from 'express4'
import fastify from 'fastify'
import { Hono } from 'hono'
import { type Actor, createKeyward, type KeyStore, type Keyward, type KeywardOptions, memory } from 'keyward'
import { adminToken, type Dashboard, type DashboardOptions, dashboard } from 'keyward/dashboard'
import { onTestFinished } from 'vitest'
import { listen, type Mounted } from '../manage/mounts.ts'

/** What signs in at the tests' boards. */
export const TOKEN = 'correct-horse-battery-staple'

/** An answer, read whole. */
export interface Seen {
  readonly status: number
  readonly headers: Headers
  readonly text: string
}

/** A browser without script: it keeps cookies, and sends what forms hold. */
export interface Visitor {
  /** Reads a page. */
  get(path: string, headers?: Readonly<Record<string, string>>): Promise<Seen>
  /** Sends a form: what its page holds already, and the fields given. */
  send(path: string, fields?: Fields, headers?: Readonly<Record<string, string>>): Promise<Seen>
  /** Sends a form with these fields and no others. */
  post(path: string, fields: Fields, headers?: Readonly<Record<string, string>>): Promise<Seen>
  signIn(): Promise<Seen>
  readonly cookies: Map<string, string>
}

type Fields = Readonly<Record<string, string | readonly string[]>>

/** A dashboard over HTTP. */
export interface Board {
  readonly keyward: Keyward
  readonly store: KeyStore
  readonly url: string
  readonly port: number
  newVisitor(): Visitor
  /** A visitor who has signed in. */
  admin(): Promise<Visitor>
}

/** Starts a server that has a dashboard at `/keys`. */
export type BoardMount = (board: Dashboard) => Promise<Mounted>

/** Every way to mount a dashboard, over real HTTP. */
export const boardMounts: Readonly<Record<'express' | 'express 4' | 'fastify' | 'hono' | 'fetch', BoardMount>> = {
  express: (board) => listen(createServer(express().use('/keys', board.express()))),
  'express 4': (board) => listen(createServer(express4().use('/keys', board.express()))),
  async fastify(board) {
    const app = fastify()
    app.register(board.fastify, { prefix: '/keys' })
    await app.ready()
    return listen(app.server, () => app.close())
  },
  hono: (board) => listen(createServer(getRequestListener(new Hono().route('/keys', board.hono()).fetch))),
  fetch: (board) =>
    listen(
      createServer(
        getRequestListener((request, { incoming }) =>
          board.fetch(request, { remoteAddr: { hostname: (incoming as IncomingMessage).socket.remoteAddress } }),
        ),
      ),
    ),
}

/** Names of the mounts, for `describe.each`. */
export const boardMountNames = Object.keys(boardMounts) as readonly (keyof typeof boardMounts)[]

/** What a board is made of; each part has a default. */
export interface BoardOptions {
  readonly mount?: BoardMount
  readonly dashboard?: Partial<DashboardOptions>
  readonly keyward?: Omit<KeywardOptions, 'store'>
  readonly store?: KeyStore
}

/** Opens a board for the length of a test. */
export async function openBoard(options: BoardOptions = {}): Promise<Board> {
  const store = options.store ?? memory({ losesDataOnExit: true })
  const keyward = createKeyward({ clientAddress: 'peer', ...options.keyward, store })
  const board = dashboard(keyward, { signIn: adminToken(TOKEN), ...options.dashboard })
  const { url, port, close } = await (options.mount ?? boardMounts.express)(board)
  onTestFinished(async () => {
    await close()
    await keyward.close()
  })
  const origin = new URL(url).origin
  return {
    keyward,
    store,
    url: `${origin}/keys`,
    port,
    newVisitor: () => newVisitor(origin),
    async admin() {
      const visitor = newVisitor(origin)
      await visitor.signIn()
      return visitor
    },
  }
}

/** An `authorize` that takes the actor from a header, as a host's session would be found. */
export function actorFromHeader(actors: Readonly<Record<string, Actor>>): DashboardOptions['authorize'] {
  return (request) => {
    const name = request.headers.get('x-test-actor')
    return name !== null && Object.hasOwn(actors, name) ? actors[name] : undefined
  }
}

function newVisitor(origin: string): Visitor {
  const cookies = new Map<string, string>()
  async function go(method: string, path: string, body: string | undefined, headers: Readonly<Record<string, string>>) {
    const response = await fetch(origin + path, {
      method,
      redirect: 'manual',
      headers: {
        cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join('; '),
        ...(body !== undefined && { 'content-type': 'application/x-www-form-urlencoded' }),
        ...headers,
      },
      ...(body !== undefined && { body }),
    })
    for (const cookie of response.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(cookie) ?? []
      if (value === '') cookies.delete(name)
      else cookies.set(name, value)
    }
    return { status: response.status, headers: response.headers, text: await response.text() }
  }
  const visitor: Visitor = {
    cookies,
    get: (path, headers = {}) => go('GET', path, undefined, headers),
    post: (path, fields, headers = {}) => go('POST', path, encode(fields), headers),
    async send(path, fields = {}, headers = {}) {
      const { text } = await visitor.get(
        path.endsWith('/enable') || path.endsWith('/sign-out') ? '/keys' : path,
        headers,
      )
      return visitor.post(path, { ...hiddenFields(text), ...fields }, headers)
    },
    signIn: () => visitor.post('/keys/sign-in', { 'admin-token': TOKEN }),
  }
  return visitor
}

/** Values that a page's forms hold already. */
export function hiddenFields(html: string): Readonly<Record<string, string>> {
  const main = html.slice(Math.max(0, html.indexOf('<main')))
  const found = [...html.matchAll(/<input type="hidden" name="(token)" value="([^"]*)"/g)]
  const own = [...main.matchAll(/<input type="hidden" name="(\w+)" value="([^"]*)"/g)]
  return Object.fromEntries([...found, ...own].map(([, name = '', value = '']) => [name, value]))
}

function encode(fields: Fields): string {
  const form = new URLSearchParams()
  for (const [name, values] of Object.entries(fields)) for (const value of [values].flat()) form.append(name, value)
  return form.toString()
}

/** Sends a request whose path nobody tidies up. */
export function sendRaw(
  port: number,
  path: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<{ readonly status: number; readonly text: string; readonly headers: IncomingMessage['headers'] }> {
  return new Promise((resolve, reject) => {
    httpRequest({ host: '127.0.0.1', port, path, headers: { connection: 'close', ...headers } }, (response) => {
      let text = ''
      response.setEncoding('utf8')
      response.on('data', (chunk) => {
        text += chunk
      })
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text, headers: response.headers }))
    })
      .on('error', reject)
      .end()
  })
}
