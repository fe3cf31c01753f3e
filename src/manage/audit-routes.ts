import { z } from '@hono/zod-openapi'
import { auditPageJson, auditPageSchema, auditVerificationJson, auditVerificationSchema } from './audit-json.ts'
import type { ManageRouter } from './manage-router.ts'

const instant = z.iso.datetime({ offset: true })

const filters = {
  owner: z
    .string()
    .optional()
    .describe('Only who acts for every owner leaves it out for all; empty for what belongs to no owner.'),
  keyId: z.string().optional(),
  action: z.string().optional().describe('`key.created`, `manage.refused` and so on.'),
  from: instant.optional().describe('Earliest instant.'),
  to: instant.optional().describe('Instant before which entries lie.'),
}

const page = z.strictObject({
  ...filters,
  limit: z
    .string()
    .regex(/^[1-9]\d{0,8}$/, 'must be a whole number from 1 to 100')
    .optional(),
  cursor: z.string().optional().describe('`nextCursor` of the page before.'),
})

const download = z.strictObject({ ...filters, format: z.enum(['jsonl', 'csv']).default('jsonl') })

const CONTENT_TYPES = {
  jsonl: 'application/jsonl; charset=utf-8',
  csv: 'text/csv; charset=utf-8; header=present',
} as const

/** Adds the routes that list, export and verify what was done. There is none that changes any of it. */
export function auditRoutes(router: ManageRouter): void {
  const { audit } = router.keyward
  const read = { scope: 'keyward:audit:read', method: 'get' } as const

  router.add(
    {
      ...read,
      path: '/audit',
      summary: 'Lists audit entries, newest first.',
      query: page,
      success: { status: 200, schema: auditPageSchema },
    },
    async ({ query: { limit, ...query }, context }) => ({
      body: auditPageJson(await audit.list({ ...withDates(query), ...(limit && { limit: Number(limit) }) }, context)),
    }),
  )

  router.add(
    {
      ...read,
      path: '/audit/export',
      summary: 'Exports audit entries, newest first, as JSON Lines or as CSV that is harmless in spreadsheets.',
      query: download,
      success: { status: 200, schema: z.string(), contentTypes: Object.values(CONTENT_TYPES).map(mediaType) },
    },
    async ({ query, context, now }) => ({
      download: {
        text: audit.export(withDates(query), context),
        contentType: CONTENT_TYPES[query.format],
        fileName: `audit-${now.toISOString().slice(0, 10)}.${query.format}`,
      },
    }),
  )

  router.add(
    {
      ...read,
      path: '/audit/verify',
      summary: "Checks an owner's chain of audit entries, and names the first link that is broken.",
      query: z.strictObject({ owner: filters.owner }),
      success: { status: 200, schema: auditVerificationSchema },
    },
    async ({ query, context }) => ({ body: auditVerificationJson(await audit.verify(query, context)) }),
  )
}

type Instants = { readonly from?: string | undefined; readonly to?: string | undefined }

function withDates<T extends Instants>({ from, to, ...rest }: T) {
  return { ...rest, from: from === undefined ? from : new Date(from), to: to === undefined ? to : new Date(to) }
}

function mediaType(contentType: string): string {
  return contentType.split(';')[0] ?? ''
}
