import type { RequestContext } from '../index.ts'
import type { Page } from './route-rules.ts'

/**
 * Answers with a page that runs no script, fetches nothing, sends no form and stands in no frame. Its style sheet is allowed by
 * its hash (CSP Level 3, section 2.3.1), so that nothing else that got into the page could be one.
 */
export async function answerPage(received: RequestContext, status: number, { html, style }: Page): Promise<Response> {
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(style))
  const hash = btoa(String.fromCharCode(...new Uint8Array(digest)))
  return new Response(html, {
    status,
    headers: {
      'Content-Type': 'text/html; charset=utf-8',
      'Content-Security-Policy': `default-src 'none'; style-src 'sha256-${hash}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
      'Cache-Control': 'no-store',
      'Referrer-Policy': 'no-referrer',
      'X-Content-Type-Options': 'nosniff',
      'X-Frame-Options': 'DENY',
      [received.profile.requestId.header]: received.requestId,
    },
  })
}
