import * as z from 'zod'
import { describeApi } from './describe-api.ts'
import { type ApiDocument, writeDocsPage } from './docs-page.ts'
import { DOCS_STYLE } from './docs-style.ts'
import type { ManageRouter } from './manage-router.ts'

/** Adds the route that shows the description of all the others to people. */
export function docsRoute(router: ManageRouter): void {
  router.add(
    {
      method: 'get',
      path: '/docs',
      summary: 'Shows this API to people.',
      scope: undefined,
      success: { status: 200, schema: z.string(), contentTypes: ['text/html'] },
    },
    async ({ path }) => {
      const document = JSON.parse(JSON.stringify(describeApi(router.app, path(''))))
      return { page: { html: writeDocsPage(document as ApiDocument), style: DOCS_STYLE } }
    },
  )
}
