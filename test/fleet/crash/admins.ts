import type { Start } from './managed-process.ts'

/** A change that the API acknowledged. */
export interface Acknowledged {
  readonly action: string
  readonly requestId: string
  readonly owner: string
  /** Key that was changed; empty for a movement of credits. */
  readonly keyId: string
  /** Version that the answer showed. */
  readonly version: number
}

/** Owners whose keys are managed. */
export const OWNERS = ['managed-0', 'managed-1', 'managed-2', 'managed-3'] as const

/** Keys that are changed by several at once, for each owner: so that changes meet. */
const MOST_KEYS = 6
/** How many manage at once, for each owner. */
const ADMINS = 2

/** What was acknowledged so far, and what went wrong that no kill explains. */
export class Admins {
  readonly acknowledged: Acknowledged[] = []
  readonly violations: string[] = []
  /** Requests that nobody answered: each was made, or was not. */
  unanswered = 0
  readonly #token: Start['token']
  readonly #keys = new Map<string, string[]>(OWNERS.map((owner) => [owner, []]))
  #turn = 0

  constructor(token: string) {
    this.#token = token
  }

  /** Manages keys through a server until it is killed. Resolves when nobody waits for it any more. */
  async work(url: string): Promise<void> {
    await Promise.all(OWNERS.flatMap((owner) => Array.from({ length: ADMINS }, () => this.#manage(url, owner))))
  }

  async #manage(url: string, owner: string): Promise<void> {
    try {
      for (;;) await this.#change(url, owner)
    } catch {
      this.unanswered += 1
    }
  }

  async #change(url: string, owner: string): Promise<void> {
    const keys = this.#keys.get(owner) ?? []
    this.#turn += 1
    const key = keys[this.#turn % MOST_KEYS]
    if (key === undefined) {
      const made = await this.#send(url, owner, 'key.created', 'POST', '/keys', { owner, name: `key ${this.#turn}` })
      if (made !== undefined) keys.push(made)
      return
    }
    const path = `/keys/${key}`
    const name = `renamed ${this.#turn}`
    const amount = { amount: 1 + (this.#turn % 9) }
    const ways: readonly (() => Promise<string | undefined>)[] = [
      () => this.#send(url, owner, 'key.updated', 'PATCH', path, { name }),
      () => this.#send(url, owner, 'credits.topped_up', 'POST', `/credits/${owner}/top-ups`, amount),
      () => this.#send(url, owner, 'key.disabled', 'POST', `${path}/disable`),
      () => this.#send(url, owner, 'key.enabled', 'POST', `${path}/enable`),
      async () => {
        const next = await this.#send(url, owner, 'key.rotated', 'POST', `${path}/rotate`, { graceSeconds: 60 })
        if (next !== undefined) keys[keys.indexOf(key)] = next
        return next
      },
      () => this.#end(keys, key, this.#send(url, owner, 'key.revoked', 'POST', `${path}/revoke`)),
      () => this.#end(keys, key, this.#send(url, owner, 'key.deleted', 'DELETE', path)),
    ]
    await ways[Math.floor(Math.random() * ways.length)]?.()
  }

  async #end(keys: string[], key: string, sent: Promise<string | undefined>): Promise<string | undefined> {
    const ended = await sent
    const place = keys.indexOf(key)
    if (ended !== undefined && place >= 0) keys.splice(place, 1)
    return ended
  }

  /** @returns The id of the key in the answer, or nothing where the change was refused. */
  async #send(
    url: string,
    owner: string,
    action: string,
    method: string,
    path: string,
    body?: object,
  ): Promise<string | undefined> {
    const response = await fetch(url + path, {
      method,
      headers: { authorization: `Bearer ${this.#token}`, 'content-type': 'application/json' },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
    const answer = (await response.json()) as { readonly id?: string; readonly version?: number }
    const requestId = response.headers.get('x-request-id') ?? ''
    const { id: keyId = '', version = 0 } = answer
    if (response.ok) this.acknowledged.push({ action, requestId, owner, keyId, version })
    // Somebody else was first, and it is revoked, deleted, disabled or rotated: those are refusals as they should be.
    else if (response.status !== 409)
      this.violations.push(`${method} ${path}: ${response.status} ${JSON.stringify(answer)}`)
    return response.ok ? keyId : undefined
  }
}
