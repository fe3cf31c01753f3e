import { acceptsProblem, type DenialContext } from './answers/denial.ts'
import type { Profile } from './answers/profile.ts'
import type { RequestHead } from './credential/request-head.ts'
import type { Admission } from './identity.ts'
import type { Clock } from './model/clock.ts'

/** One request on its way through the library: made once for each, by whichever part of it comes first. */
export class RequestContext {
  readonly head: RequestHead
  readonly profile: Profile
  /** Id of the request, the same on the response, in its error and in events. */
  readonly requestId: string
  /** What was admitted so far; `undefined` before the first `requireKey`. */
  admission: Admission | undefined
  readonly #clock: Clock

  constructor(head: RequestHead, profile: Profile, requestId: string, clock: Clock) {
    this.head = head
    this.profile = profile
    this.requestId = requestId
    this.admission = undefined
    this.#clock = clock
  }

  /** Wall time in milliseconds since the Unix epoch. */
  now(): number {
    return this.#clock.now()
  }

  /** What every answer to this request has in common. */
  answerContext(): Pick<DenialContext, 'requestId' | 'acceptsProblem'> {
    return { requestId: this.requestId, acceptsProblem: acceptsProblem(this.head.header('accept')) }
  }
}
