import { type Actor, createKeyward, type KeyStore, type Keyward, type KeywardOptions, memory } from 'keyward'
import { type Management, type ManageOptions, manage } from 'keyward/manage'
import { onTestFinished } from 'vitest'
import { type Mount, mounts } from './mounts.ts'

/** An answer of the API, read whole. */
export interface Answered {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  // biome-ignore lint/suspicious/noExplicitAny: what came over the wire is what the tests look into.
  readonly body: any
}

/** Sends one request; `as` is the name of an actor, whose bearer token it is. */
export type Send = (
  as: string | undefined,
  method: string,
  path: string,
  body?: unknown,
  headers?: Readonly<Record<string, string>>,
) => Promise<Answered>

/** A keyward with the API over HTTP. */
export interface Desk {
  readonly keyward: Keyward
  readonly store: KeyStore
  readonly api: Management
  readonly url: string
  readonly port: number
  readonly send: Send
}

/** What a desk is made of; each part has a default. */
export interface DeskOptions {
  readonly mount?: Mount
  readonly actors?: Readonly<Record<string, Actor>>
  readonly authorize?: (keyward: Keyward) => ManageOptions['authorize']
  readonly keyward?: Omit<KeywardOptions, 'store'>
  readonly store?: KeyStore
}

/** Everybody who comes to the tests' desks. */
const ACTORS = {
  admin: { id: 'admin', owner: null, scopes: ['*'] },
  acme: { id: 'acme-admin', owner: 'acme', scopes: ['*'] },
  other: { id: 'other-admin', owner: 'other', scopes: ['*'] },
  nothing: { id: 'acme-guest', owner: 'acme', scopes: [] },
} as const satisfies Record<string, Actor>

/** Opens a desk for the length of a test. */
export async function openDesk(options: DeskOptions = {}): Promise<Desk> {
  const store = options.store ?? memory({ losesDataOnExit: true })
  const keyward = createKeyward({ clientAddress: 'peer', ...options.keyward, store })
  const actors: Readonly<Record<string, Actor>> = { ...ACTORS, ...options.actors }
  const byToken: ManageOptions['authorize'] = (request) => {
    const name = request.headers.get('authorization')?.replace('Bearer ', '')
    return name !== undefined && Object.hasOwn(actors, name) ? actors[name] : undefined
  }
  const api = manage(keyward, { authorize: options.authorize?.(keyward) ?? byToken })
  const { url, port, close } = await (options.mount ?? mounts.express)(api)
  onTestFinished(async () => {
    await close()
    await keyward.close()
  })
  return { keyward, store, api, url, port, send: sender(url) }
}

function sender(url: string): Send {
  return async (as, method, path, body, headers) => {
    const response = await fetch(url + path, {
      method,
      headers: {
        ...(as !== undefined && { authorization: `Bearer ${as}` }),
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body !== undefined && { body: isRaw(body) ? body : JSON.stringify(body) }),
    })
    const text = await response.text()
    return {
      status: response.status,
      headers: response.headers,
      text,
      body: text !== '' && isJson(response) ? JSON.parse(text) : undefined,
    }
  }
}

function isJson({ headers }: Response): boolean {
  return /^application\/(problem\+)?json\b/.test(headers.get('content-type') ?? '')
}

function isRaw(body: unknown): body is string | Uint8Array<ArrayBuffer> {
  return typeof body === 'string' || body instanceof Uint8Array
}
