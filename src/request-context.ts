import { acceptsProblem, type DenialContext } from './answers/denial.ts'
import type { Profile } from './answers/profile.ts'
import type { RequestHead } from './credential/request-head.ts'
import type { Admission } from './identity.ts'
import type { Clock } from './model/clock.ts'

/** One request on its way through the library: made once for each, by whichever part of it comes first. */
export class RequestContext {
  readonly head: RequestHead
  readonly profile: Profile
  /** What was admitted so far; `undefined` before the first `requireKey`. */
  admission: Admission | undefined
  readonly #clock: Clock
  readonly #makeId: () => string
  #requestId: string | undefined

  constructor(head: RequestHead, profile: Profile, clock: Clock, makeId: () => string) {
    this.head = head
    this.profile = profile
    this.admission = undefined
    this.#clock = clock
    this.#makeId = makeId
  }

  /** Id of the request, the same on the response, in its error and in events; made when it is first asked for. */
  get requestId(): string {
    this.#requestId ??= this.#makeId()
    return this.#requestId
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
