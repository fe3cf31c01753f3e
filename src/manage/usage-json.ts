import { z } from '@hono/zod-openapi'
import type { Rankings, UsageCounts, UsageReport } from '../index.ts'

const counts = {
  requests: z.int().describe('Requests that showed a key, refused ones among them.'),
  refused: z.int().describe('Requests that keyward itself refused, with a status from 400 to 499.'),
  succeeded: z.int().describe('Answered with a status from 100 to 299.'),
  redirected: z.int().describe('Answered with a status from 300 to 399.'),
  clientErrors: z.int().describe('Answered with a status from 400 to 499, or left by the client before.'),
  serverErrors: z.int().describe('Answered with a status of 500 and above.'),
  credits: z.int().describe('Credits that the requests have spent.'),
}

const pointSchema = z.object({ at: z.iso.datetime(), ...counts }).openapi('UsagePoint')

const groupSchema = z
  .object({
    name: z
      .string()
      .describe('Id of the key, the route, or the app; empty for none, `other` for what is not kept apart.'),
    label: z.string().nullable().describe('Name of the key, title of the app.'),
    ...counts,
    series: z.array(pointSchema),
  })
  .openapi('UsageGroup')

/** What was counted. */
export const usageReportSchema = z
  .object({
    from: z.iso.datetime(),
    to: z.iso.datetime(),
    interval: z.enum(['minute', 'hour', 'day']),
    totals: z.object(counts),
    series: z.array(pointSchema).describe('One point for each interval, oldest first.'),
    groups: z.array(groupSchema).describe('Those with the most requests first; empty without `by`.'),
    overhead: z
      .object({ p50Microseconds: z.number(), p95Microseconds: z.number(), requests: z.int() })
      .nullable()
      .describe('Time that requests spent in keyward; only for who acts for every owner, and of all requests.'),
  })
  .openapi('UsageReport')

/** Apps with the most requests first. */
export const rankingsSchema = z
  .object({
    from: z.iso.datetime(),
    to: z.iso.datetime(),
    items: z.array(
      z
        .object({
          rank: z.int().min(1),
          app: z.string().describe('Origin and path of its referer; without one, its title.'),
          referer: z.string().nullable(),
          title: z.string().nullable(),
          requests: z.int(),
          credits: z.int(),
          keys: z.int().describe('How many keys it was used with.'),
          previousRequests: z.int().describe('Requests in the stretch of the same length before.'),
          change: z.number().nullable().describe('How many times as many as before, less 1.'),
        })
        .openapi('Ranking'),
    ),
  })
  .openapi('Rankings')

/** Shows a report: the fields of the schema and no others. */
export function usageReportJson({ from, to, interval, ...report }: UsageReport): z.output<typeof usageReportSchema> {
  return {
    ...{ from: from.toISOString(), to: to.toISOString(), interval },
    totals: countsJson(report.totals),
    series: report.series.map(pointJson),
    groups: report.groups.map((group) => ({
      ...{ name: group.name, label: group.label },
      ...countsJson(group),
      series: group.series.map(pointJson),
    })),
    overhead: report.overhead && { ...report.overhead },
  }
}

/** Shows rankings: the fields of the schema and no others. */
export function rankingsJson({ from, to, items }: Rankings): z.output<typeof rankingsSchema> {
  const shown = items.map(({ rank, app, referer, title, requests, credits, keys, previousRequests, change }) => ({
    ...{ rank, app, referer, title, requests, credits, keys, previousRequests, change },
  }))
  return { from: from.toISOString(), to: to.toISOString(), items: shown }
}

function pointJson({ at, ...point }: UsageReport['series'][number]) {
  return { at: at.toISOString(), ...countsJson(point) }
}

function countsJson({
  requests,
  refused,
  succeeded,
  redirected,
  clientErrors,
  serverErrors,
  credits,
}: UsageCounts): UsageCounts {
  return { requests, refused, succeeded, redirected, clientErrors, serverErrors, credits }
}
