import type { Actor } from '../index.ts'
import { hasScope, type ManageScope } from '../manage/manage-scope.ts'
import type { Calls } from './calls.ts'
import type { SampleRequest } from './sample-request.ts'

/** How pages look: as the device has it, or as the visitor has chosen. */
export type Theme = 'auto' | 'light' | 'dark'

/** Whoever looks at a page, and what the page needs of the request. */
export interface Visitor {
  readonly actor: Actor
  readonly calls: Calls
  /** Path of the mount, without a slash at its end. */
  readonly basePath: string
  /** Path below the mount: the empty string for the list of keys. */
  readonly path: string
  readonly query: URLSearchParams
  /** What a form has sent; empty on GET. */
  readonly form: URLSearchParams
  /** Secret that every form of this visitor carries. */
  readonly formToken: string
  /** Makes an id for a form that acts once. */
  readonly newForm: () => string
  /** Takes such a form. @returns Whether it was the first time. */
  readonly takeForm: (form: string) => Promise<boolean>
  readonly theme: Theme
  /** Whether the session is the dashboard's own. */
  readonly maySignOut: boolean
  readonly requestId: string
  readonly now: Date
  /** Whether the management API has a route: a store may keep no credits, say. */
  readonly hasRoute: (method: string, path: string) => boolean
  /** The request that new keys are shown with. */
  readonly sample: SampleRequest
}

/** Says whether a visitor has a scope. It decides what is shown; what is done is decided by the management API. */
export function may({ actor }: Visitor, scope: ManageScope): boolean {
  return hasScope(actor, scope)
}
