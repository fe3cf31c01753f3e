import type { DenialCode } from './standard-answers.ts'

/** Header fields in order: name and value. A name may come twice. */
export type HeaderFields = readonly (readonly [name: string, value: string])[]

/** An answer that an adapter sends as it stands: a denial, or a response that was given before. */
export interface FinishedAnswer {
  /** Why the request was refused; `undefined` for a response that was given before. */
  readonly code?: DenialCode | undefined
  /** HTTP status, 200 to 599. */
  readonly status: number
  readonly headers: HeaderFields
  readonly body: string | Uint8Array
}
