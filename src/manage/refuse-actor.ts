import { answerFetch, type Denial, isServerFailure, type Keyward } from '../index.ts'
import { refuseError } from './answer.ts'
import type { Visit } from './manage-router.ts'

/** What a refused request was about. */
export interface Subject {
  /** Path of its route with parameters in braces; `null` where there is none. */
  readonly route: string | null
  /** First parameter of its path: a key's id, the name of an owner or a policy. */
  readonly target: string | null
}

/**
 * Refuses an actor, who is told so once it is in the audit trail. A failure of the server is no refusal; where the trail
 * cannot be written, the answer is that failure.
 *
 * @param error - What was thrown, where something was.
 */
export async function refuseActor(
  keyward: Keyward,
  { received, actor, onRefusal }: Visit,
  denial: Denial,
  subject: Subject,
  error?: unknown,
): Promise<Response> {
  const { method } = received.head
  if (!isServerFailure(denial.code)) {
    const context = { actor, address: received.address, requestId: received.requestId }
    try {
      await keyward.audit.noteRefusal({ code: denial.code, method, ...subject }, context)
    } catch (error) {
      return refuseError(keyward, received, error)
    }
  }
  onRefusal?.(denial, error)
  return answerFetch(denial, method)
}
