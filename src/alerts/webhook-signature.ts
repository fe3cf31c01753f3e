import { type HeadersLike, headOfHeaders } from '../credential/headers-head.ts'

/** Begins every secret. */
const PREFIX = 'whsec_'
/** Length of a secret's key in bytes (Standard Webhooks 1.0.0, signature scheme). */
const KEY_BYTES = { least: 24, most: 64 } as const
const ALGORITHM = { name: 'HMAC', hash: 'SHA-256' } as const

/** Signs messages, and checks signatures, as Standard Webhooks has it. */
export interface WebhookSigner {
  /**
   * Signs a message.
   *
   * @param seconds - When it is sent, in seconds since the Unix epoch.
   * @returns The value of `webhook-signature`.
   */
  sign(id: string, seconds: number, body: string): Promise<string>
  /** Says whether one of the signatures of a header is good; takes the same time for all that are not. */
  verify(id: string, seconds: string, body: string, header: string): Promise<boolean>
}

/** What a receiver has of a webhook. */
export interface ReceivedWebhook {
  /** The request's header fields. */
  readonly headers: HeadersLike
  /** The body as it came over the wire, not parsed and written again. */
  readonly body: string
  /** `whsec_…`, the one that the sender was given. */
  readonly secret: string
  /** How far the sender's clock may be from the receiver's, in seconds: a whole number from 1; default 300. */
  readonly toleranceSeconds?: number | undefined
}

/** Says whether a text is a secret: `whsec_` and 24 to 64 bytes in base64. */
export function isWebhookSecret(secret: string): boolean {
  return decodeSecret(secret) !== undefined
}

/** Creates a signer. @throws {TypeError} When the secret is none; the message does not show it. */
export function createWebhookSigner(secret: string): WebhookSigner {
  const bytes = decodeSecret(secret)
  if (bytes === undefined) throw new TypeError('The secret of a webhook is whsec_ and 24 to 64 bytes in base64.')
  const key = crypto.subtle.importKey('raw', bytes, ALGORITHM, false, ['sign', 'verify'])
  const encode = (text: string) => new TextEncoder().encode(text)

  return {
    async sign(id, seconds, body) {
      const signature = await crypto.subtle.sign('HMAC', await key, encode(`${id}.${seconds}.${body}`))
      return `v1,${btoa(String.fromCharCode(...new Uint8Array(signature)))}`
    },
    async verify(id, seconds, body, header) {
      const content = encode(`${id}.${seconds}.${body}`)
      const signatures = header.split(' ').flatMap((each) => (each.startsWith('v1,') ? [each.slice(3)] : []))
      let isGood = false
      for (const signature of signatures.slice(0, MOST_SIGNATURES)) {
        const given = decodeBase64(signature)
        if (given !== undefined && (await crypto.subtle.verify('HMAC', await key, given, content))) isGood = true
      }
      return isGood
    },
  }
}

/** A sender that changes its secret signs with two; nobody has more than this. */
const MOST_SIGNATURES = 8

/**
 * Says whether a webhook is from who has the secret, and was sent just now.
 *
 * @param now - Milliseconds since the Unix epoch.
 */
export async function verifyWebhookAt(
  { headers, body, secret, toleranceSeconds = 300 }: ReceivedWebhook,
  now: number,
): Promise<boolean> {
  const signer = createWebhookSigner(secret)
  const head = headOfHeaders(headers)
  const [id, seconds, signature] = [
    head.header('webhook-id'),
    head.header('webhook-timestamp'),
    head.header('webhook-signature'),
  ]
  if (id === undefined || seconds === undefined || signature === undefined) return false
  if (!/^\d{1,12}$/.test(seconds) || Math.abs(now / 1_000 - Number(seconds)) > toleranceSeconds) return false
  return signer.verify(id, seconds, body, signature)
}

function decodeSecret(secret: string): Uint8Array<ArrayBuffer> | undefined {
  if (typeof secret !== 'string' || !secret.startsWith(PREFIX)) return undefined
  const bytes = decodeBase64(secret.slice(PREFIX.length))
  if (bytes === undefined || bytes.length < KEY_BYTES.least || bytes.length > KEY_BYTES.most) return undefined
  return bytes
}

function decodeBase64(text: string): Uint8Array<ArrayBuffer> | undefined {
  if (!/^[A-Za-z0-9+/]{1,1000}={0,2}$/.test(text)) return undefined
  try {
    return Uint8Array.from(atob(text), (character) => character.charCodeAt(0))
  } catch {
    return undefined
  }
}
