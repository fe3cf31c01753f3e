import type { Keyward } from 'keyward'
import type { HammerOptions, HammerResult } from './instance-config.ts'

/** Callers of this process that ask for one key again and again. */
export interface Hammer {
  /** Resolves when every caller has had an answer. */
  readonly warm: Promise<void>
  /** Lets every caller begin some more requests (default 2) from now on, and says what came of all. */
  stop(more?: number): Promise<HammerResult>
}

/** Hammers a key from callers that each ask as soon as they have their answer. */
export function hammer(keyward: Keyward, apiKey: string, options: HammerOptions = {}): Hammer {
  const { callers = 8, restMs = 0, ...route } = options
  const headers = { authorization: `Bearer ${apiKey}` }
  const admittedBeginNs: bigint[] = []
  const outcomes: Record<string, number> = {}
  let requests = 0
  let lastAdmittedEndNs = 0n
  let more = Number.POSITIVE_INFINITY

  async function ask(): Promise<void> {
    const begunNs = process.hrtime.bigint()
    requests += 1
    const decision = await keyward.authenticate(headers, route)
    const outcome = decision.denied ? decision.code : 'admitted'
    outcomes[outcome] = (outcomes[outcome] ?? 0) + 1
    if (decision.denied) return
    admittedBeginNs.push(begunNs)
    lastAdmittedEndNs = process.hrtime.bigint()
  }

  async function call(onFirst: () => void): Promise<void> {
    let left = Number.POSITIVE_INFINITY
    for (let asked = 0; left > 0; asked++) {
      await ask()
      if (asked === 0) onFirst()
      await new Promise<void>((resolve) => {
        if (restMs > 0) setTimeout(resolve, restMs)
        else setImmediate(resolve)
      })
      left = Math.min(left - 1, more)
    }
  }

  const firsts: Promise<void>[] = []
  const running = Array.from({ length: callers }, () => {
    let called: Promise<void> = Promise.resolve()
    firsts.push(
      new Promise((resolve) => {
        called = call(resolve)
      }),
    )
    return called
  })
  return {
    warm: Promise.all(firsts).then(() => {}),
    async stop(requestsMore = 2) {
      more = requestsMore
      await Promise.all(running)
      return { requests, admittedBeginNs, lastAdmittedEndNs, outcomes }
    },
  }
}
