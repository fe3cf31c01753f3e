import { describe, expect, it } from 'vitest'
import { openDesk } from './desk.ts'

type Operation = Readonly<Record<string, unknown>> & {
  readonly responses: Readonly<Record<string, unknown>>
  readonly security: unknown
}

async function document() {
  const desk = await openDesk()
  const { status, body } = await desk.send('admin', 'GET', '/openapi.json')
  expect(status).toBe(200)
  const operations = Object.entries(body.paths as Record<string, Record<string, Operation>>).flatMap(
    ([path, methods]) =>
      Object.entries(methods).map(([method, operation]) => ({ name: `${method.toUpperCase()} ${path}`, operation })),
  )
  return { desk, body, operations }
}

describe('the description of the management API', () => {
  it('is OpenAPI 3.1, and has every route with its scope, bearer authentication and errors', async () => {
    const { desk, body, operations } = await document()
    expect(body).toMatchObject({
      openapi: '3.1.0',
      servers: [{ url: '/manage' }],
      components: { securitySchemes: { bearer: { type: 'http', scheme: 'bearer' } } },
    })
    const routes = desk.api.routes.map(({ method, path }) => `${method} ${path.replaceAll(/:(\w+)/g, '{$1}')}`)
    expect(operations.map(({ name }) => name).sort()).toEqual(routes.sort())
    for (const { name, operation } of operations) {
      expect(operation.security, name).toEqual([{ bearer: [] }])
      expect(operation['description'], name).toMatch(/^Needs (no scope|the scope `keyward:[a-z:]+`)\.$/)
      expect(operation.responses['default'], name).toBeDefined()
    }
  })

  it('has no reference that leads nowhere', async () => {
    const { body } = await document()
    const names = [...JSON.stringify(body).matchAll(/"\$ref":"#\/components\/schemas\/(\w+)"/g)].map(([, name]) => name)
    expect(names.length).toBeGreaterThan(5)
    for (const name of names) expect(body.components.schemas, name).toHaveProperty(name ?? '')
  })

  it('demands what the routes demand', async () => {
    const { body } = await document()
    const { NewKey, Verify } = body.components.schemas
    expect(NewKey).toMatchObject({ required: ['name'], additionalProperties: false })
    expect(Verify).toMatchObject({ required: ['apiKey'], additionalProperties: false })
    expect(body.paths['/keys'].post.requestBody).toMatchObject({ required: true })
    expect(body.paths['/keys/{id}/rotate'].post.requestBody).toMatchObject({ required: false })
    expect(body.paths['/keys/{id}'].patch.parameters).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ in: 'path', name: 'id', required: true }),
        expect.objectContaining({ in: 'header', name: 'If-Match', required: false }),
      ]),
    )
  })

  it('does not show a key to whoever asks without a credential', async () => {
    const { desk } = await document()
    expect((await desk.send(undefined, 'GET', '/openapi.json')).status).toBe(401)
  })
})
