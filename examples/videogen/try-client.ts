import { ApiError } from 'keyward/client'
import { Client } from './client.ts'

// try.sh runs it: the key comes from VIDEOGEN_API_KEY, the address from VIDEOGEN_URL.
const client = new Client({
  token: process.env['VIDEOGEN_API_KEY'],
  baseUrl: process.env['VIDEOGEN_URL'] ?? 'http://127.0.0.1:3000',
})

try {
  const image = await client.generateImage({ prompt: 'A quiet lake' })
  const files = await client.listFiles()
  console.log(files[0]?.id === image.id ? 'made and listed' : 'lost')
} catch (error) {
  if (!(error instanceof ApiError)) throw error
  console.log(error.status, error.message)
}
