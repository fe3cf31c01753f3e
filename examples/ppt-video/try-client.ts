import { ApiError, createClient } from 'keyward/client'

// What a caller of ppt.video writes. try.sh runs it: the key comes from PPT_VIDEO_API_KEY, the address from PPT_VIDEO_URL.
const client = createClient({
  baseUrl: process.env['PPT_VIDEO_URL'] ?? 'http://127.0.0.1:3000',
  apiKeyVariable: 'PPT_VIDEO_API_KEY',
})

try {
  const task = await client.json<{ status: string }>('POST', '/v1/tasks', {
    model: 'ppt-1',
    prompt: 'Our year in slides',
  })
  console.log(task.status)
} catch (error) {
  if (!(error instanceof ApiError)) throw error
  console.log(error.status, error.code)
}
