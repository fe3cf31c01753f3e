/** What is installed to run the programs. */
export const runtimePackages = { bun: '1.4.5', deno: '2.9.6', miniflare: '4.20260426.0' }

const app = `
import { createKeyward, memory, NotFoundError } from 'keyward'
import { errorHandler, getIdentity, requestId, requireKey } from 'keyward/fetch'
import { callOut } from './caller.mjs'

const keyward = createKeyward({
  store: memory({ losesDataOnExit: true }),
  limits: { policies: { default: [{ limit: 3, windowSeconds: 60 }] } },
  clientAddress: 'peer',
})

const guarded = requireKey(keyward)((request) => {
  if (request.url.endsWith('/throw')) throw new Error('secret-detail')
  const { keyId, requestId } = getIdentity(request)
  return Response.json({ keyId, requestId })
})

async function route(request, ...rest) {
  const { pathname, searchParams } = new URL(request.url)
  const address = searchParams.get('address')
  if (pathname === '/create')
    return Response.json(await keyward.keys.create({ owner: 'o', name: 'n', addresses: address ? [address] : [] }))
  if (pathname === '/revoke') return Response.json(await keyward.keys.revoke(searchParams.get('id')))
  if (pathname === '/call-out')
    return Response.json(await callOut(searchParams.get('url'), searchParams.has('bound') ? rest[0].API_KEY : undefined))
  if (pathname === '/' || pathname === '/throw') return guarded(request, ...rest)
  throw new NotFoundError('No route answers this request.')
}

export const handle = requestId(keyward)(errorHandler(keyward)(route))
`

const caller = `
import { createClient } from 'keyward/client'

const failureOf = (call) => call.then(() => 'none', (error) => ({ ...error.toJSON(), isError: error instanceof Error }))

export async function callOut(baseUrl, apiKey) {
  const options = { baseUrl, apiKey, app: { title: 'Märchen 🎬' }, runtime: { random: () => 0 } }
  const client = createClient(options)
  const form = new FormData()
  form.set('file', new Blob(['frames']), 'clip.txt')
  return {
    json: await client.json('POST', '/json', { a: 1 }),
    form: await (await client.fetch('/form', { method: 'POST', body: form })).text(),
    redirected: await failureOf(client.fetch('/redirect')),
    limited: await failureOf(client.fetch('/limited')),
    timeout: await failureOf(createClient({ ...options, retry: { maxRetries: 0 } }).fetch('/hang', { timeoutSeconds: 1 })),
    stopped: await client.fetch('/never', { signal: AbortSignal.abort() }).catch((error) => error.name),
  }
}
`

/** Servers of one app, by the name of their file. Each prints its address once it is ready. */
export const programs: Readonly<Record<string, string>> = {
  'app.mjs': app,
  'caller.mjs': caller,
  'bun.mjs': `
import { handle } from './app.mjs'
const server = Bun.serve({ port: 0, hostname: '127.0.0.1', fetch: handle })
console.log('http://127.0.0.1:' + server.port)
`,
  'deno.mjs': `
import { handle } from './app.mjs'
Deno.serve({ port: 0, hostname: '127.0.0.1', onListen: ({ port }) => console.log('http://127.0.0.1:' + port) }, handle)
`,
  'worker.mjs': `
import { handle } from './app.mjs'
export default { fetch: handle }
`,
  'workerd.mjs': `
import { Miniflare } from 'miniflare'
const worker = new Miniflare({
  modules: true,
  scriptPath: 'bundle/worker.mjs',
  host: '127.0.0.1',
  port: 0,
  compatibilityDate: '2026-04-01',
  compatibilityFlags: process.argv.slice(2),
  bindings: { API_KEY: process.env.API_KEY },
})
console.log((await worker.ready).origin)
process.on('SIGTERM', () => worker.dispose().finally(() => process.exit()))
`,
}
