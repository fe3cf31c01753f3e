import * as z from 'zod'

const text = (max: number) => z.string().max(max, `must be at most ${max} characters`)

/** A page of alerts. */
export const alertListInput = z.strictObject({
  owner: text(256).optional(),
  keyId: text(256).optional(),
  state: z
    .enum(['open', 'acknowledged', 'snoozed', 'resolved'], 'must be open, acknowledged, snoozed or resolved')
    .optional(),
  limit: z.int('must be a whole number').min(1, 'must be at least 1').max(100, 'must be at most 100').default(50),
  cursor: text(200).optional(),
})

/** How long an alert shall be quiet. */
export const snoozeInput = z.strictObject({ until: z.date('must be a valid instant') })

/** Says whether a text could be the id of an alert. */
export function isAlertId(text: string): boolean {
  return /^alert_[0-9A-HJKMNP-TV-Z]{26}$/.test(text)
}
