import type { Hono } from 'hono'
import * as z from 'zod'
import {
  type Actor,
  ConfigError,
  digestApiKey,
  type Keyward,
  type Leak,
  type LeakMatch,
  type MaybePromise,
  type RequestContext,
  receiveOnce,
} from '../index.ts'
import { answerReply, refuse, refuseError } from './answer.ts'
import type { Arrival } from './arrival.ts'
import { type ExpressMount, mountOnExpress } from './express-mount.ts'
import { type FastifyMount, mountOnFastify } from './fastify-mount.ts'
import { mountOnFetch } from './fetch-mount.ts'
import { mountOnHono } from './hono-mount.ts'
import { isSignedBy } from './report-signature.ts'
import { createScannerKeys, type ScannerKeySource } from './scanner-keys.ts'
import type { Serve } from './serve-management.ts'

/** Options of {@link leakReports}. */
export interface LeakReportsOptions {
  /** Public keys of the scanner: `githubPublicKeys()`, a function of the host's own, or a list. */
  readonly publicKeys: ScannerKeySource
  /**
   * Tells the key's owner. Called once for each known key of a report, after it was revoked, and again when the report is
   * sent again: what it throws is answered 500, and every other key is told of all the same.
   */
  readonly onLeak?: ((leak: Leak) => MaybePromise<void>) | undefined
  /** Id of the actor in audit entries: 1 to 128 characters. Default `secret-scanning`. */
  readonly actorId?: string | undefined
}

/** A webhook for secret scanners, ready to be mounted. It answers POST wherever it is mounted, and below. */
export interface LeakReports {
  /** Answers a fetch request. Never rejects. */
  fetch(request: Request, native?: unknown): Promise<Response>
  /** Makes a handler: `app.use('/leaks', webhook.express())`. Mount it in front of `express.json()`: a body that was parsed is no longer the one that was signed. */
  express(): ExpressMount
  /** Is a plugin: `app.register(webhook.fastify, { prefix: '/leaks' })`. It is encapsulated, and brings its own body parser. */
  readonly fastify: FastifyMount
  /** Makes an app: `app.route('/leaks', webhook.hono())`. */
  hono(): Hono
}

/** More than any report: 10 MB. */
const MAX_REPORT_BYTES = 10_000_000

const reportShape = z.array(
  z.object({
    token: z.string(),
    type: z.string().nullish(),
    url: z.string().nullish(),
    source: z.string().nullish(),
  }),
)

/**
 * Creates a webhook that takes reports of leaked keys from secret scanners, as GitHub's secret scanning partner program sends
 * them: a JSON array of `{ token, type, url, source }`, signed. Every token that is a key is revoked before the answer, which says
 * of each token whether it was one.
 *
 * A report whose signature is not that of a known public key over the very bytes of the body is 401, and changes nothing.
 *
 * @throws {ConfigError} Without `publicKeys`, or when an option breaks its rule.
 */
export function leakReports(keyward: Keyward, options: LeakReportsOptions): LeakReports {
  const { publicKeys, onLeak, actorId = 'secret-scanning' } = options ?? {}
  if (typeof publicKeys !== 'function' && !Array.isArray(publicKeys))
    throw new ConfigError(
      'leakReports.publicKeys: must be a list of public keys, or a function such as githubPublicKeys()',
    )
  if (onLeak !== undefined && typeof onLeak !== 'function')
    throw new ConfigError('leakReports.onLeak: must be a function')
  if (typeof actorId !== 'string' || !/^[\x21-\x7e]{1,128}$/.test(actorId))
    throw new ConfigError('leakReports.actorId: must have 1 to 128 printable ASCII characters without space')
  const actor: Actor = { id: actorId, owner: null, scopes: [] }
  const scannerKeys = createScannerKeys(publicKeys)

  /** What is wrong with a request's signature is nobody's business, and leaves an event. */
  async function refuseStranger(received: RequestContext): Promise<Response> {
    const { address, requestId, head } = received
    const refusal = { code: 'invalid_signature', method: head.method, route: null, target: null } as const
    await keyward.audit.noteRefusal(refusal, { address, requestId })
    return refuse(keyward, received, refusal.code)
  }

  async function answer({ head, readBody }: Arrival, received: RequestContext): Promise<Response> {
    if (head.method !== 'POST') return refuse(keyward, received, 'method_not_allowed', { allow: ['POST'] })
    const identifier = head.header('github-public-key-identifier')
    const signature = head.header('github-public-key-signature')
    if (identifier === undefined || signature === undefined) return refuseStranger(received)
    const publicKey = await scannerKeys.find(identifier, received.now())
    // Nothing of a stranger's body is read.
    if (publicKey === undefined) return refuseStranger(received)
    const bytes = await readBody(MAX_REPORT_BYTES)
    if (bytes === undefined) return refuse(keyward, received, 'payload_too_large')
    if (!(await isSignedBy(publicKey, signature, bytes))) return refuseStranger(received)
    const matches = readReport(bytes)
    if (matches === undefined) return refuse(keyward, received, 'bad_request')
    const { address, requestId } = received
    const { known, leaks } = await keyward.leaks.report(matches, { actor, address, requestId })
    await tellAll(leaks, onLeak)
    const body = await Promise.all(matches.map((match, at) => labelOf(match, known[at] === true)))
    return answerReply(received, 200, { body })
  }

  const serve: Serve = async (arrival) => {
    const received = receiveOnce(keyward, arrival.subject, arrival.head)
    try {
      return await answer(arrival, received)
    } catch (error) {
      return refuseError(keyward, received, error)
    }
  }

  return {
    fetch: mountOnFetch(serve, ''),
    express: () => mountOnExpress(serve),
    fastify: mountOnFastify(serve),
    hono: () => mountOnHono(serve),
  }
}

function readReport(bytes: Uint8Array): readonly LeakMatch[] | undefined {
  try {
    const json: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
    const { success, data } = reportShape.safeParse(json)
    if (!success) return undefined
    return data.map(({ token, type, url, source }) => ({
      token,
      type: type ?? undefined,
      url: url ?? undefined,
      source: source ?? undefined,
    }))
  } catch {
    return undefined
  }
}

/** How many owners are told at once. */
const TELLINGS = 16

/** Tells of every leak, also after one could not be told. @throws What the first of them threw. */
async function tellAll(leaks: readonly Leak[], onLeak: LeakReportsOptions['onLeak']): Promise<void> {
  if (onLeak === undefined) return
  const failures: unknown[] = []
  for (let from = 0; from < leaks.length; from += TELLINGS) {
    const told = await Promise.allSettled(leaks.slice(from, from + TELLINGS).map(async (leak) => onLeak(leak)))
    failures.push(...told.filter((one) => one.status === 'rejected').map(({ reason }) => reason))
  }
  if (failures.length > 0) throw failures[0]
}

/** What the scanner is told of a match: its token by SHA-256 in hex, never as it is. */
async function labelOf({ token, type = '' }: LeakMatch, isKey: boolean) {
  return {
    token_hash: hexOf(await digestApiKey(token)),
    token_type: type,
    label: isKey ? 'true_positive' : 'false_positive',
  }
}

function hexOf(base64url: string): string {
  const bytes = atob(base64url.replaceAll('-', '+').replaceAll('_', '/'))
  return Array.from(bytes, (byte) => byte.charCodeAt(0).toString(16).padStart(2, '0')).join('')
}
