import { z } from '@hono/zod-openapi'
import { type Alert, type AlertPage, showAlert } from '../index.ts'

const at = z.iso.datetime()

/** An alert as this API shows it, and the webhook sends it. */
export const alertSchema = z
  .object({
    id: z.string().describe('`alert_` and a ULID.'),
    owner: z.string(),
    keyId: z.string().nullable().describe('Null where it is about credits that all keys of the owner share.'),
    kind: z.enum(['rate_spike', 'error_spike', 'new_network', 'credits_low', 'expiry_near', 'rotation_due']),
    state: z.enum(['open', 'acknowledged', 'snoozed', 'resolved']),
    reason: z.string().describe('One English sentence.'),
    details: z
      .record(z.string(), z.unknown())
      .describe('The numbers behind it; of spikes `observed`, `expected`, `unit` and `series`, the last hour.'),
    openedAt: at,
    acknowledgedAt: at.nullable(),
    acknowledgedBy: z.string().nullable(),
    snoozedUntil: at.nullable(),
    resolvedAt: at.nullable(),
  })
  .openapi('Alert')

/** A page of alerts. */
export const alertPageSchema = z
  .object({ items: z.array(alertSchema), nextCursor: z.string().nullable() })
  .openapi('AlertPage')

/** Shows an alert: the fields of the schema and no others. */
export function alertJson(alert: Alert): z.output<typeof alertSchema> {
  const { details, ...shown } = showAlert(alert)
  return { ...shown, details: { ...details } }
}

/** Shows a page. */
export function alertPageJson({ items, nextCursor }: AlertPage): z.output<typeof alertPageSchema> {
  return { items: items.map(alertJson), nextCursor }
}
