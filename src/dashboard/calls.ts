import type { Actor, Denial, DenialCode, InputIssue, RequestContext } from '../index.ts'
import type { Arrival } from '../manage/arrival.ts'
import type { Dispatch } from '../manage/serve-management.ts'

/** Why the management API has refused a call. */
export interface Refusal {
  readonly ok: false
  readonly code: DenialCode
  /** HTTP status of the refusal. */
  readonly status: number
  /** Rules that input broke. */
  readonly issues: readonly InputIssue[]
}

/** What a call of the management API came to. */
export type Answer<T> = { readonly ok: true; readonly body: T } | Refusal

/** Who calls, and by which request. */
export interface Caller {
  readonly arrival: Arrival
  readonly received: RequestContext
  readonly actor: Actor
}

/** What goes with a call besides its path. */
export interface CallOptions {
  readonly body?: object
  /** Version that the resource must have. */
  readonly ifVersion?: string
}

/** Calls of the management API in this process, as an actor that is known: its scopes, ceilings and audit are the only ones. */
export class Calls {
  readonly #dispatch: Dispatch
  readonly #caller: Caller

  constructor(dispatch: Dispatch, caller: Caller) {
    this.#dispatch = dispatch
    this.#caller = caller
  }

  /** Reads. The type says what the route answers with. */
  get<T>(target: string): Promise<Answer<T>> {
    return this.send<T>('GET', target)
  }

  /** Calls a route and reads its answer. */
  async send<T>(method: string, target: string, options: CallOptions = {}): Promise<Answer<T>> {
    const { response, refusal } = await this.#call(method, target, options)
    if (refusal !== undefined) return refusal
    return { ok: true, body: (await response.json()) as T }
  }

  /** Calls a route whose answer is passed on as it is. */
  async download(target: string): Promise<Response | Refusal> {
    const { response, refusal } = await this.#call('GET', target, {})
    return refusal ?? response
  }

  async #call(
    method: string,
    target: string,
    { body, ifVersion }: CallOptions,
  ): Promise<{ readonly response: Response; readonly refusal: Refusal | undefined }> {
    const { arrival, received, actor } = this.#caller
    const headers = new Headers(body && { 'content-type': 'application/json' })
    if (ifVersion !== undefined) headers.set('if-match', `"${ifVersion}"`)
    let refusal: Refusal | undefined
    const response = await this.#dispatch({
      arrival: {
        ...arrival,
        head: {
          method,
          target,
          peerAddress: arrival.head.peerAddress,
          header: (name) => arrival.head.header(name),
          headerLines: (name) => arrival.head.headerLines(name),
          linesOf: (fields) => arrival.head.linesOf(fields),
        },
        request: new Request(`http://manage${target}`, { method, headers }),
        target,
        readBody: async () => (body === undefined ? new Uint8Array() : new TextEncoder().encode(JSON.stringify(body))),
      },
      received,
      actor,
      onRefusal: (denial, error) => {
        refusal = refusalOf(denial, error)
      },
    })
    const isFailure = refusal === undefined && !response.ok
    return { response, refusal: isFailure ? { ok: false, ...failureOf(response), issues: [] } : refusal }
  }
}

function refusalOf({ code, status }: Denial, error: unknown): Refusal {
  const issues = typeof error === 'object' && error !== null && 'issues' in error ? error.issues : []
  return { ok: false, code, status, issues: Array.isArray(issues) ? issues : [] }
}

/** What could not even be noted in the audit trail. */
function failureOf({ status }: Response): { readonly code: DenialCode; readonly status: number } {
  return { code: status === 503 ? 'service_unavailable' : 'internal_error', status }
}

/** Writes a query of what is given. */
export function queryText(parameters: Readonly<Record<string, string | number | null | undefined>>): string {
  const query = new URLSearchParams()
  for (const [name, value] of Object.entries(parameters))
    if (value !== undefined && value !== null && value !== '') query.set(name, String(value))
  const text = query.toString()
  return text === '' ? '' : `?${text}`
}
