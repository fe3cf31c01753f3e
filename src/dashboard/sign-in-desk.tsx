import type { Actor, DenialCode, Keyward, RequestContext } from '../index.ts'
import { markOf } from '../manage/admin-token.ts'
import type { Arrival } from '../manage/arrival.ts'
import { type Authorize, findActor } from '../manage/authorize.ts'
import type { Assets } from './assets.ts'
import type { Channel } from './cookies.ts'
import { Document, Mark } from './layout.tsx'

/** What somebody without a session is shown. */
export interface SignInView {
  /** HTTP status: 200 to 599. */
  readonly status: number
  /** Path below the mount to go to afterwards. */
  readonly next?: string
  /** Why the request was refused. */
  readonly failure?: DenialCode
  /** Seconds, from 1. */
  readonly retryAfterSeconds?: number
  /** Whether a form was sent without a session. */
  readonly isLate?: boolean
}

/** Where people sign in with a token. */
export class SignInDesk {
  /** How long a session lasts: 12 hours, in seconds. */
  readonly ttlSeconds = 43_200
  readonly #keyward: Keyward
  readonly #signIn: Authorize

  constructor(keyward: Keyward, signIn: Authorize) {
    this.#keyward = keyward
    this.#signIn = signIn
  }

  /** Signs in with a token. @returns The id of the new session, or what to show in its place. */
  async signIn(
    token: string,
    { address: known, requestId }: RequestContext,
    { head, request, native }: Arrival,
  ): Promise<{ readonly session: string } | { readonly view: SignInView }> {
    const { signIns } = this.#keyward
    const address = known ?? head.peerAddress
    const attempt = signIns.attempt(address)
    if (attempt.waitMs > 0)
      return {
        view: {
          ...({ status: 429, failure: 'too_many_failed_attempts' } as const),
          retryAfterSeconds: Math.ceil(attempt.waitMs / 1_000),
        },
      }
    const headers = new Headers(request.headers)
    headers.delete('cookie')
    headers.set('authorization', `Bearer ${/^[\x21-\x7e]{1,1024}$/.test(token) ? token : 'none'}`)
    let actor: Actor | undefined
    try {
      actor = await findActor(this.#signIn, new Request(request.url, { headers }), native)
    } finally {
      attempt.end(actor === undefined)
    }
    if (actor === undefined) return { view: { status: 401, failure: 'invalid_api_key' } }
    const mark = await markOf(this.#signIn)
    return { session: await signIns.begin({ actor, mark }, this.ttlSeconds, { address, requestId }) }
  }

  /** The page to sign in on. */
  page(view: SignInView, basePath: string, theme: string, assets: Assets, channel: Channel): string {
    return `<!doctype html>${(
      <Document assets={assets} basePath={basePath} theme={theme} title="Sign in">
        <main class="door" id="main">
          <p class="brand">
            <Mark />
            keyward
          </p>
          <h1>Sign in</h1>
          {sentenceOf(view) !== undefined && (
            <p class="notice bad" role="alert">
              {sentenceOf(view)}
            </p>
          )}
          {channel === 'open' ? (
            <p class="notice bad">
              This page came over plain HTTP, where others can read along, so nobody can sign in here. Use the address
              that begins with https. If a proxy ends HTTPS in front of this server, let it send{' '}
              <code>X-Forwarded-Proto: https</code>.
            </p>
          ) : (
            <form method="post" action={`${basePath}/sign-in`} class="stack">
              <input type="hidden" name="next" value={view.next ?? ''} />
              <input
                class="unseen"
                name="username"
                value="admin"
                autocomplete="username"
                tabindex={-1}
                aria-label="User name"
                readonly
              />
              <label class="field">
                <span>Admin token</span>
                <input
                  type="password"
                  name="admin-token"
                  required
                  autofocus
                  autocomplete="current-password"
                  autocapitalize="off"
                  maxlength={1024}
                />
              </label>
              <button type="submit" class="primary">
                Sign in
              </button>
            </form>
          )}
        </main>
      </Document>
    )}`
  }

  /** The page of those whose host has signed nobody in. */
  static hostPage(basePath: string, theme: string, assets: Assets): string {
    return `<!doctype html>${(
      <Document assets={assets} basePath={basePath} theme={theme} title="Not signed in">
        <main class="door" id="main">
          <p class="brand">
            <Mark />
            keyward
          </p>
          <h1>You are not signed in</h1>
          <p>Sign in to the application that this page belongs to, then come back. Nothing was changed.</p>
        </main>
      </Document>
    )}`
  }
}

/** Says whether a path may lie below the mount: segments of letters, digits, `_`, `-` and `.`, and none of dots alone. */
export function isPathBelow(path: string): boolean {
  return path === '' || (/^(\/[\w-][\w.-]*)+$/.test(path) && path.length < 512)
}

function sentenceOf({ status, failure, isLate, retryAfterSeconds }: SignInView): string | undefined {
  if (isLate) return 'You were signed out meanwhile. Nothing was changed. Sign in, and do it again.'
  if (retryAfterSeconds !== undefined)
    return `Too many failed attempts from your address. Try again in ${waitText(retryAfterSeconds)}.`
  if (failure === 'invalid_api_key') return 'That is not the admin token.'
  if (status === 401) return undefined
  if (status === 403) return 'This request came from another site or with another credential. Nothing was changed.'
  return status === 400 ? 'The form could not be read. Nothing was changed.' : undefined
}

function waitText(seconds: number): string {
  return seconds < 90 ? `${seconds} seconds` : `${Math.ceil(seconds / 60)} minutes`
}
