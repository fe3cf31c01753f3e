import { codeOfError } from './answers/error-code.ts'
import type { Exchange } from './exchange.ts'
import type { RequestContext } from './request-context.ts'
import type { RoutePattern } from './usage/route-name.ts'

/** The part of Node's `ServerResponse` that tells how a request ended. */
export interface EndingResponse {
  /** HTTP status. */
  readonly statusCode: number
  readonly headersSent: boolean
  readonly destroyed?: boolean
  on?(event: 'close', listener: () => void): unknown
}

/** Status under which usage counts a request that its client left before there was an answer: nginx's "client closed request". */
const CLIENT_CLOSED_REQUEST = 499

/**
 * Has usage count a request when its response has ended, for adapters over Node's own response. Call it once the request
 * was admitted or refused. One that its client leaves before there is an answer counts as an error of the client's;
 * one that is cut short counts as what it began as.
 *
 * @param pattern - The framework's own route, or a way to ask for it when the request has ended.
 */
export function countNode(
  context: RequestContext,
  response: EndingResponse,
  pattern: RoutePattern | (() => RoutePattern) | undefined,
): void {
  if (!context.isToBeCounted || context.pattern !== undefined) return
  context.pattern = pattern ?? NO_PATTERN
  const count = () => countEnded(context, response.headersSent ? response.statusCode : CLIENT_CLOSED_REQUEST)
  if (response.destroyed === true) count()
  else response.on?.('close', count)
}

/**
 * Has usage count a request when its response is there, for adapters whose framework has fetch's own: with what it costs,
 * once that is known. What is thrown counts as what `errorHandler` answers.
 *
 * @param work - Makes the response.
 * @param statusOf - Says its status.
 * @param pattern - Asks for the framework's own route, once there is a response.
 */
export async function countFetch<T>(
  context: RequestContext,
  work: () => Promise<T>,
  statusOf: (made: T) => number,
  pattern?: () => RoutePattern,
): Promise<T> {
  try {
    const made = await work()
    if (context.isToBeCounted) {
      context.pattern = pattern
      countEnded(context, statusOf(made))
    }
    return made
  } catch (error) {
    if (context.isToBeCounted) {
      context.pattern = pattern
      countEnded(context, context.profile.answers[codeOfError(error)].status)
    }
    throw error
  }
}

function countEnded(context: RequestContext, status: number): void {
  if (context.exchange === undefined) context.count(status)
  else countWhenEnded(context, context.exchange, status)
}

function countWhenEnded(context: RequestContext, exchange: Exchange, status: number): void {
  exchange.whenEnded(() => context.count(status))
}

const NO_PATTERN: RoutePattern = { path: undefined }
