import type { OpenAPIHono, RouteConfig } from '@hono/zod-openapi'
import * as z from 'zod'
import type { RouteRules } from './route-rules.ts'

type Registry = OpenAPIHono['openAPIRegistry']
type Responses = RouteConfig['responses']

const ERROR =
  'An error in the envelope of the profile that the API answers in; by default ' +
  '`{ "error": { "type", "code", "message", "request_id", "issues"? } }`. The request id is in the header too.'

/** Enters a route into the OpenAPI document, as its rules have it. */
export function describeRoute(registry: Registry, rules: RouteRules<z.ZodType, z.ZodType>): void {
  const { method, path, summary, scope, query, body, conditional, success } = rules
  const parameters = Array.from(path.matchAll(/\{(\w+)\}/g), ([, name = '']) => [name, z.string()] as const)
  const responses: Responses = {
    [success.status]: {
      description: 'Done.',
      content: Object.fromEntries(
        (success.contentTypes ?? ['application/json']).map((type) => [type, { schema: success.schema }]),
      ),
    },
    default: { description: ERROR },
  }
  registry.registerPath({
    method,
    path,
    summary,
    description: scope === undefined ? 'Needs no scope.' : `Needs the scope \`${scope}\`.`,
    security: [{ bearer: [] }],
    request: {
      ...(parameters.length > 0 && { params: z.object(Object.fromEntries(parameters)) }),
      ...(query instanceof z.ZodObject && { query }),
      ...(conditional && { headers: z.object({ 'If-Match': ifMatch }) }),
      ...(body !== undefined && {
        body: { content: { 'application/json': { schema: body } }, required: isDemanded(body) },
      }),
    },
    responses,
  })
}

const ifMatch = z
  .string()
  .optional()
  .describe('Entity tag `"<version>"` that the resource must have, or `*`; else 412.')

function isDemanded(body: z.ZodType): boolean {
  return !body.safeParse({}).success
}
