import { type ReceivedWebhook, verifyWebhookAt } from './alerts/webhook-signature.ts'
import { systemClock } from './stores/system-clock.ts'

/**
 * Says whether a webhook is from who has the secret, and was sent within the tolerance of now: for receivers of alerts, and of
 * anything else that is sent as Standard Webhooks has it. A message may come more than once: its `webhook-id` is then the same.
 *
 * @param webhook - Header fields, the body as it came, and the secret.
 * @param now - Milliseconds since the Unix epoch. Default: the machine's clock.
 * @throws {TypeError} When the secret is none.
 */
export function verifyWebhook(webhook: ReceivedWebhook, now: number = systemClock.now()): Promise<boolean> {
  return verifyWebhookAt(webhook, now)
}
