import type { RequestContext } from '../index.ts'
import type { Asset } from './assets.ts'

const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "style-src 'self'",
  "script-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join('; ')

/** Fields of every answer of the dashboard. */
const SECURITY = {
  'Content-Security-Policy': CONTENT_SECURITY_POLICY,
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'DENY',
  'Referrer-Policy': 'no-referrer',
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Permissions-Policy': 'camera=(), microphone=(), geolocation=(), payment=()',
} as const

/** Answers with a page, which no cache keeps. */
export function answerPage(
  received: RequestContext,
  status: number,
  html: string,
  headers?: Readonly<Record<string, string>>,
): Response {
  return new Response(html, {
    status,
    headers: {
      ...SECURITY,
      'Content-Type': 'text/html; charset=utf-8',
      'Cache-Control': 'no-store',
      [received.profile.requestId.header]: received.requestId,
      ...headers,
    },
  })
}

/** Answers with a file of the pages, which caches may keep for a year: another content has another name. */
export function answerAsset(received: RequestContext, { contentType, text }: Asset): Response {
  return new Response(text, {
    headers: {
      ...SECURITY,
      'Content-Type': contentType,
      'Cache-Control': 'public, max-age=31536000, immutable',
      [received.profile.requestId.header]: received.requestId,
    },
  })
}

/** Sends a browser on, to a path of this host. */
export function redirectTo(received: RequestContext, location: string, cookie?: string): Response {
  return answerPage(received, 303, '', {
    Location: location || '/',
    ...(cookie !== undefined && { 'Set-Cookie': cookie }),
  })
}

/** Puts the fields of the dashboard on an answer of the management API: an export. */
export function securedDownload(answer: Response): Response {
  const headers = new Headers(answer.headers)
  for (const [name, value] of Object.entries(SECURITY)) headers.set(name, value)
  return new Response(answer.body, { status: answer.status, headers })
}
