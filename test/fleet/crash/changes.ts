import type { Instance } from '../processes/fleet.ts'

/** What clients were told, and what went wrong for them. */
export interface Ledger {
  /** API keys by id, of every creation that was acknowledged. */
  readonly created: Map<string, string>
  /** Ids of every revocation that was acknowledged. */
  readonly revoked: Set<string>
  /** Those of them that were acknowledged with `fenced: true`. */
  readonly fenced: Set<string>
  /** Requests that began after a fenced revocation of their key had resolved. */
  asked: number
  /** Those that were admitted, and answers that no outage explains. */
  readonly violations: string[]
}

/** Clients that create and revoke keys through whichever instance is there. */
export interface Changes {
  readonly ledger: Ledger
  stop(): Promise<Ledger>
}

/** Owners of the keys that are changed. */
export const OWNERS = ['crash-0', 'crash-1', 'crash-2', 'crash-3'] as const

/** How long a client rests after each turn: the machine has other work to do as well. */
const REST_MS = 5

/**
 * Starts clients, one for each owner. Each creates keys, uses them on every instance, revokes every other one, and asks
 * for it, and for one that was revoked earlier, on every instance.
 *
 * @param instances - Those that are there at the moment.
 */
export function changeKeys(instances: () => readonly Instance[]): Changes {
  const ledger: Ledger = {
    created: new Map(),
    revoked: new Set(),
    fenced: new Set(),
    asked: 0,
    violations: [],
  }
  let isOver = false

  /** Whoever asks an instance that is killed has no answer; the others' are judged. */
  async function askAll(apiKey: string, allowed: readonly string[], what: string): Promise<void> {
    const outcomes = await Promise.allSettled(instances().map((instance) => instance.ask(apiKey, ROUTE)))
    for (const outcome of outcomes) {
      if (outcome.status === 'fulfilled' && ![...allowed, 'service_unavailable'].includes(outcome.value))
        ledger.violations.push(`${what}: ${outcome.value}`)
    }
  }

  async function askForRevoked(id: string): Promise<void> {
    ledger.asked += instances().length
    await askAll(ledger.created.get(id)!, ['invalid_api_key'], 'a fenced revocation')
  }

  async function turn(owner: string, number: number): Promise<void> {
    const some = instances()
    const instance = some[number % some.length]
    if (instance === undefined) return
    const { id, apiKey } = await instance.keys.create({ owner, name: 'crash' })
    ledger.created.set(id, apiKey)
    await askAll(apiKey, ['admitted'], 'a key that was created')
    if (number % 2 === 0) return
    const other = some[(number + 1) % some.length]!
    const { fenced } = await other.keys.revoke(id)
    ledger.revoked.add(id)
    if (!fenced) return
    ledger.fenced.add(id)
    await askForRevoked(id)
    const earlier = [...ledger.fenced]
    await askForRevoked(earlier[Math.floor(Math.random() * earlier.length)]!)
  }

  async function work(owner: string): Promise<void> {
    for (let number = 0; !isOver; number++) {
      // What an outage interrupts was not acknowledged.
      await turn(owner, number).catch((error: { code?: unknown }) => {
        if (error.code !== 'service_unavailable' && !String(error).includes('has ended'))
          ledger.violations.push(`a change: ${String(error)}`)
      })
      await new Promise((resolve) => setTimeout(resolve, REST_MS))
    }
  }

  const running = OWNERS.map(work)
  return {
    ledger,
    async stop() {
      isOver = true
      await Promise.all(running)
      return ledger
    },
  }
}

const ROUTE = { policies: ['default'] }
