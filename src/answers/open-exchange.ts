import type { MaybePromise } from '../model/maybe-promise.ts'
import type { HeaderFields } from './finished-answer.ts'

/** How a response ended. */
export interface Outcome {
  readonly status: number
  readonly headers: HeaderFields
  /** Every byte of the body; `undefined` where it was not kept: a stream, or more than is kept. */
  readonly body: Uint8Array | undefined
}

/** Whether a response says that the server failed: such a request costs nothing. */
export function saysFailure({ status }: Outcome): boolean {
  return status >= 500
}

/** A response of which nobody saw the end, or the beginning: nothing of it is kept. */
export const CUT_SHORT: Outcome = { status: 200, headers: [], body: undefined }

/**
 * What a request has claimed and taken, until its response has ended. Whoever sends the response calls one of its ends, and
 * holds back the last byte until that has resolved: then a client that has the whole response knows that it is kept.
 */
export interface OpenExchange {
  /** Fields that the response shall carry. */
  readonly headers: HeaderFields
  /** How many bytes of the body are kept at most; `undefined` where nobody asks for them. */
  readonly maxBodyBytes: number | undefined
  /** Whether the exchange goes on until the last byte of a stream: it has a lease, or a response to keep. */
  readonly outlastsHead: boolean
  /**
   * Ends with a response, or with what a handler threw before there was one.
   *
   * @returns Fields that the response shall carry besides, where there is still time. Never rejects.
   */
  end(outcome: Outcome): MaybePromise<HeaderFields>
  /**
   * Is told that the client has gone before the response had ended.
   *
   * @param hasBegun - Whether anything of the response was sent.
   */
  abandon(hasBegun: boolean): void
}
