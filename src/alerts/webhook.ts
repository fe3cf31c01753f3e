import { readRetryAfter } from './retry-delay.ts'
import { createWebhookSigner } from './webhook-signature.ts'

/** Where alerts are sent. */
export interface WebhookOptions {
  /** `https://…`; `http://` only to this machine. Redirects are not followed. */
  readonly url: string
  /** `whsec_` and 24 to 64 random bytes in base64: what the receiver checks signatures with. */
  readonly secret: string
}

/** How a try to send a message ended. */
export type SendOutcome =
  | { readonly isSent: true }
  | {
      readonly isSent: false
      /** Whether the receiver says that it is gone for good. */
      readonly isFinal: boolean
      /** Milliseconds that the receiver asked to wait; 0 where it did not. */
      readonly askedMs: number
      /** What went wrong: no part of what was answered but the status. */
      readonly reason: string
    }

/** Sends a message once. Never rejects. */
export type SendMessage = (id: string, body: string, now: number, signal: AbortSignal) => Promise<SendOutcome>

const GONE = 410

/**
 * Creates what sends messages as Standard Webhooks 1.0.0 has it
 * (https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md).
 *
 * @param timeoutMs - Milliseconds that a receiver has to answer.
 */
export function createSender({ url, secret }: WebhookOptions, timeoutMs: number): SendMessage {
  const signer = createWebhookSigner(secret)
  return async (id, body, now, signal) => {
    const seconds = Math.floor(now / 1_000)
    try {
      const response = await fetch(url, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          'user-agent': 'keyward',
          'webhook-id': id,
          'webhook-timestamp': String(seconds),
          'webhook-signature': await signer.sign(id, seconds, body),
        },
        body,
        redirect: 'manual',
        signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
      })
      await response.body?.cancel()
      if (response.ok) return { isSent: true }
      const askedMs = readRetryAfter(response.headers.get('retry-after'), now)
      return {
        isSent: false,
        isFinal: response.status === GONE,
        askedMs,
        reason: `It was answered ${response.status}.`,
      }
    } catch (cause) {
      return { isSent: false, isFinal: false, askedMs: 0, reason: describe(cause) }
    }
  }
}

/** Says whether messages may be sent to an address: with TLS, or within this machine; without credentials in it. */
export function isWebhookUrl(text: string): boolean {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url === undefined || url.username !== '' || url.password !== '') return false
  return url.protocol === 'https:' || (url.protocol === 'http:' && LOOPBACK.test(url.hostname))
}

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/

/** The error's name and code: its message may quote the address, which may be secret. */
function describe(cause: unknown): string {
  if (!(cause instanceof Error)) return 'It could not be sent.'
  if (cause.name === 'TimeoutError') return 'It was not answered in time.'
  const { code } = Object(cause.cause) as { readonly code?: unknown }
  return typeof code === 'string' ? `It could not be sent: ${code}.` : `It could not be sent: ${cause.name}.`
}
