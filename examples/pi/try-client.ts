import { ApiError, createClient } from 'keyward/client'

// What a caller of Pi writes. try.sh runs it: the key comes from PI_API_KEY, the address from PI_URL.
const client = createClient({
  baseUrl: process.env['PI_URL'] ?? 'http://127.0.0.1:3000',
  apiKeyVariable: 'PI_API_KEY',
  app: { title: 'A walk through Pi' },
})

const generate = () =>
  client.json<{ id: string }>('POST', '/v1/generate', { model: 'pi-1', prompt: 'A quiet lake' }, order)
const order = { idempotencyKey: 'order-of-the-client' }

try {
  const [first, again] = [await generate(), await generate()]
  console.log(first.id === again.id ? 'made once' : 'made twice')
} catch (error) {
  if (!(error instanceof ApiError)) throw error
  console.log(error.status, error.code, error.requestId?.slice(0, 'req_pi_'.length))
}
