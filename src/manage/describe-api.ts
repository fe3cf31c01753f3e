import type { ManageApp } from './manage-router.ts'

const DESCRIPTION =
  'Issues and manages API keys. Bodies are JSON (`application/json`, UTF-8, at most 65,536 bytes) in camelCase; ' +
  'instants are ISO 8601 in UTC. A field or query parameter that is not named here is refused. Every error has the ' +
  'envelope of the profile that the API answers in: 400 for what cannot be parsed, 401 without an actor, 403 for what ' +
  "the actor may not do, 404 for what is not there or is not the actor's, 405, 409 when the state stands in the way, " +
  '412 when the version does, 413, 415, 422 for a broken rule with the fields that broke it, 500 and 503.'

/** Describes all routes (OpenAPI 3.1). @param basePath - Path under which the API is mounted. */
export function describeApi(app: ManageApp, basePath: string): object {
  return app.getOpenAPI31Document({
    openapi: '3.1.0',
    info: { title: 'keyward management API', version: '1', description: DESCRIPTION },
    servers: [{ url: basePath || '/' }],
  })
}
