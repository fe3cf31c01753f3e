import { describe, expect, it } from 'vitest'
import { callerOf, failureOf } from './caller.ts'
import { serveSteps } from './scripted-server.ts'

const fine = { json: { fine: true } }
const statuses = [301, 302, 303, 307, 308]

describe('a redirect', () => {
  it.each(statuses)('of %i to another origin is not followed: the key stays where it belongs', async (status) => {
    const other = await serveSteps(fine)
    const redirect = { status, headers: { Location: `${other.url}/take?signature=secret` } }
    const { url, received } = await serveSteps(redirect, redirect)
    for (const method of ['GET', 'POST']) {
      const error = await failureOf(callerOf(url).fetch('/', { method }))
      const message = `The server redirects to ${other.url} (${status}), and redirects are not followed.`
      expect(error).toMatchObject({ status, code: 'redirected', message })
    }
    expect([other.received.length, received.length]).toEqual([0, 2])
  })

  it('within the origin is not followed either, nor one that leads nowhere', async () => {
    const { url, received } = await serveSteps(
      { status: 308, headers: { Location: '/there' } },
      { status: 302, headers: { Location: 'http://' } },
      { status: 300 },
    )
    const client = callerOf(url)
    expect((await failureOf(client.json('GET', '/'))).message).toContain(`redirects to ${url} (308)`)
    expect((await failureOf(client.json('GET', '/'))).message).toContain('redirects (302)')
    expect((await failureOf(client.json('GET', '/'))).code).toBe('redirected')
    expect(received.map(({ path }) => path)).toEqual(['/', '/', '/'])
  })

  it('is handed over to whoever asks for it, such as an address to download from', async () => {
    const other = await serveSteps(fine)
    const { url } = await serveSteps({ status: 302, headers: { Location: `${other.url}/file` } })
    const response = await callerOf(url).fetch('/', { redirect: 'manual' })
    expect([response.status, response.headers.get('location')]).toEqual([302, `${other.url}/file`])
    expect(other.received).toEqual([])
  })

  it('is not what 304 is: a response', async () => {
    const { url } = await serveSteps({ status: 304, headers: { ETag: '"1"' } })
    expect((await callerOf(url).fetch('/', { headers: { 'If-None-Match': '"1"' } })).status).toBe(304)
  })
})
