import type * as z from 'zod'
import type { Actor, DenialCode, ManageContext } from '../index.ts'
import type { ManageScope } from './manage-scope.ts'

/** The rules of a route, for its requests and for its description. */
export interface RouteRules<Query extends z.ZodType, Body extends z.ZodType> {
  readonly method: 'get' | 'post' | 'put' | 'patch' | 'delete'
  /** Path with parameters in braces: `/keys/{id}`. */
  readonly path: string
  readonly summary: string
  /** Scope that the actor must have; `undefined` demands none. */
  readonly scope: ManageScope | undefined
  /** Default: no query parameters. */
  readonly query?: Query
  /** Default: no fields. A request without a body is one with none of them. */
  readonly body?: Body
  /** Whether `If-Match` is a condition of the request. */
  readonly conditional?: true
  /** The one answer that is no error: its HTTP status and its body. */
  readonly success: {
    readonly status: 200 | 201
    readonly schema: z.ZodType
    /** Media types of the body. Default: JSON. */
    readonly contentTypes?: readonly string[]
  }
}

/** A request that has passed the rules of its route. */
export interface Call<Query, Body> {
  readonly query: Query
  readonly body: Body
  readonly actor: Actor
  /** What the rooms are told: actor, address, request id, condition. */
  readonly context: ManageContext
  /** When the request is answered. */
  readonly now: Date
  /** Writes the path of a resource of this API, from the root of the host. */
  path(resource: string): string
  /** Reads a parameter of the path. */
  parameter(name: string): string
}

/** What a route answers with. */
export interface Reply {
  readonly body: object
  /** Version of the one key or policy in the body: its entity tag. */
  readonly version?: number
  /** Path of what was created. */
  readonly location?: string
}

/** Text that is made while it is sent, for a file. */
export interface Download {
  readonly text: AsyncIterable<string>
  readonly contentType: string
  readonly fileName: string
}

/** A page for people. */
export interface Page {
  readonly html: string
  /** The one style sheet that the page has, as it stands in it. */
  readonly style: string
}

/** What a route does: it throws what the rooms throw, or refuses with a code of its own. */
export type Handle<Query, Body> = (
  call: Call<Query, Body>,
) => Promise<Reply | { readonly download: Download } | { readonly page: Page } | { readonly refused: DenialCode }>
