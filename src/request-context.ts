import { acceptsProblem, type DenialContext } from './answers/denial.ts'
import type { Profile } from './answers/profile.ts'
import type { RequestHead } from './credential/request-head.ts'
import type { Exchange } from './exchange.ts'
import type { Admission } from './identity.ts'
import type { Clock } from './model/clock.ts'

/** How a deployment reads every request. */
export interface RequestReader {
  readonly profile: Profile
  readonly clock: Clock
  /** Makes or takes over the request's id. */
  requestIdOf(head: RequestHead): string
  /** The client's address, by whoever's word counts for it. */
  addressOf(head: RequestHead): string | undefined
}

/** One request on its way through the library: made once for each, by whichever part of it comes first. */
export class RequestContext {
  readonly head: RequestHead
  /** What was admitted so far; `undefined` before the first `requireKey`. */
  admission: Admission | undefined
  /** What was claimed and taken for it; `undefined` where nothing was. */
  exchange: Exchange | undefined
  readonly #reader: RequestReader
  #requestId: string | undefined

  constructor(head: RequestHead, reader: RequestReader) {
    this.head = head
    this.admission = undefined
    this.exchange = undefined
    this.#reader = reader
  }

  get profile(): Profile {
    return this.#reader.profile
  }

  /** Id of the request, the same on the response, in its error and in events; made when it is first asked for. */
  get requestId(): string {
    this.#requestId ??= this.#reader.requestIdOf(this.head)
    return this.#requestId
  }

  /** The client's address, where it is known; worked out each time it is asked for. */
  get address(): string | undefined {
    return this.#reader.addressOf(this.head)
  }

  /** Wall time in milliseconds since the Unix epoch. */
  now(): number {
    return this.#reader.clock.now()
  }

  /** What every answer to this request has in common. */
  answerContext(): Pick<DenialContext, 'requestId' | 'acceptsProblem'> {
    return { requestId: this.requestId, acceptsProblem: acceptsProblem(this.head.header('accept')) }
  }
}
