import * as z from 'zod'
import { describeApi } from './describe-api.ts'
import type { ManageRouter } from './manage-router.ts'

/** Adds the route that describes all the others (OpenAPI 3.1). */
export function openapiRoute(router: ManageRouter): void {
  const { app } = router
  app.openAPIRegistry.registerComponent('securitySchemes', 'bearer', {
    type: 'http',
    scheme: 'bearer',
    description: 'Whatever the host accepts; with `adminToken`, the admin token. Other schemes depend on the host.',
  })

  router.add(
    {
      method: 'get',
      path: '/openapi.json',
      summary: 'Describes this API.',
      scope: undefined,
      success: { status: 200, schema: z.record(z.string(), z.unknown()) },
    },
    async ({ path }) => ({ body: describeApi(app, path('')) }),
  )
}
