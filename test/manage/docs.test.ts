import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { writeDocsPage } from '../../src/manage/docs-page.ts'
import { openDesk } from './desk.ts'
import { mountNames, mounts } from './mounts.ts'

const hostile = `</style><script>alert(1)</script>"'><img src=x onerror=alert(1)>`

describe('the page of the management API', () => {
  it('shows every route with its scope, its fields and a line to try', async () => {
    const desk = await openDesk()
    const { status, headers, text } = await desk.send('admin', 'GET', '/docs')
    expect(status).toBe(200)
    expect(headers.get('content-type')).toBe('text/html; charset=utf-8')
    for (const { method, path } of desk.api.routes) {
      const written = path.replaceAll(/:(\w+)/g, '{$1}')
      expect(text).toContain(
        `<span class="method ${method.toLowerCase()}">${method}</span> <span class="path">${written}</span>`,
      )
      const address = `$URL/manage${path.replaceAll(/:(\w+)/g, (_, name: string) => name.toUpperCase())}&quot;`
      expect(text, path).toContain(address)
    }
    expect(text).toContain('<code>keyward:keys:write</code>')
    expect(text).toContain('<td><code>expiresAt</code></td><td>instant or null</td>')
    expect(text).toContain('-d &#39;{&quot;owner&quot;:&quot;acme&quot;,&quot;name&quot;:&quot;Production&quot;}&#39;')
    expect(text).toContain('<a href="/manage/openapi.json">')
  })

  it('has bodies to try that the routes take', async () => {
    const desk = await openDesk({ keyward: { limits: { policies: { default: [{ limit: 100, windowSeconds: 60 }] } } } })
    const { id } = await desk.keyward.keys.create({ owner: 'acme', name: 'here' })
    const { text } = await desk.send('admin', 'GET', '/docs')
    const samples = [
      ...text.matchAll(/curl -X (\w+) &quot;\$URL\/manage([^&]+)&quot;[^<]*?-d &#39;(.*?)&#39;<\/code>/gs),
    ]
    expect(samples.length).toBeGreaterThan(9)
    for (const [, method = '', path = '', body = ''] of samples) {
      const address = path.replace('ID', id).replace('OWNER', 'acme').replace('NAME', 'default')
      const { status, text: answer } = await desk.send('admin', method, address, body.replaceAll('&quot;', '"'), {
        'content-type': 'application/json',
      })
      // A rule about one field is beyond a sample that is made from types; nothing must be unknown or missing.
      expect([200, 201, 404, 409], `${method} ${address} ${body} ${answer}`).toContain(status)
    }
  })

  it('runs no script, fetches nothing and stands in no frame', async () => {
    const desk = await openDesk()
    const { headers, text } = await desk.send('admin', 'GET', '/docs')
    const style = /<style>(.*?)<\/style>/s.exec(text)?.[1] ?? ''
    const hash = createHash('sha256').update(style).digest('base64')
    expect(headers.get('content-security-policy')).toBe(
      `default-src 'none'; style-src 'sha256-${hash}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
    )
    expect(headers.get('referrer-policy')).toBe('no-referrer')
    expect(headers.get('x-content-type-options')).toBe('nosniff')
    expect(headers.get('cache-control')).toBe('no-store')
    expect(text).not.toMatch(/<script|<link|<img|<iframe|\son\w+=|style=|https?:\/\/|url\(|@import/)
  })

  it.each(mountNames)('knows where it is mounted, and lets nobody in without an actor: %s', async (name) => {
    const desk = await openDesk({ mount: mounts[name] })
    expect((await desk.send('admin', 'GET', '/docs')).text).toContain('$URL/manage/keys&quot;')
    const answer = await desk.send(undefined, 'GET', '/docs')
    expect(answer.status).toBe(401)
    expect(answer.text).not.toContain('<html')
  })

  it('escapes every text of the document', () => {
    const schema = { type: 'object', properties: { [hostile]: { type: hostile, description: hostile } } }
    const html = writeDocsPage({
      info: { title: hostile, description: hostile },
      servers: [{ url: `/${hostile}` }],
      paths: {
        [`/${hostile}`]: {
          get: {
            summary: hostile,
            description: `${hostile} \`${hostile}\``,
            parameters: [{ name: hostile, in: hostile, description: hostile }],
            requestBody: { content: { 'application/json': { schema: { $ref: '#/components/schemas/One' } } } },
            responses: {
              200: { description: hostile, content: { [hostile]: { schema } } },
              default: { description: hostile },
            },
          },
        },
      },
      components: { schemas: { One: { ...schema, required: [hostile] } } },
    })
    expect(html).not.toContain('<script')
    expect(html).not.toContain('<img')
    expect(html.match(/<\/style>/g)).toHaveLength(1)
    expect(html).toContain('&lt;script&gt;')
    // What is left of it stands in quotation marks, or as text.
    expect(html.replaceAll(/"[^"]*"/g, '""')).not.toMatch(/<[a-z][^>]*onerror/)
  })
})
