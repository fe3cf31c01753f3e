import { randomBytes } from 'node:crypto'
import { StoreUnavailableError } from '../../model/errors.ts'
import type { Bucket, Gate, GateAnswer, GateRequest, GateWarning, WindowState } from '../../model/gate.ts'
import type { GateInspection } from '../../model/inspection.ts'
import type { Window } from '../../model/policy.ts'
import { systemClock } from '../system-clock.ts'
import { admitScript } from './admit-script.ts'
import { OwnerKeys } from './owner-keys.ts'
import type { RedisCommands } from './redis-client.ts'
import { RedisScript, unavailable } from './redis-script.ts'
import { ReplicatedFence, type ReplicatedFenceSettings } from './replicated-fence.ts'
import { checkServer, inspectServer } from './server-check.ts'
import { fenceScript } from './version-script.ts'
import { wordOfSeconds, wordOfUnits } from './wording.ts'

/** What a {@link RedisGate} is made of: options that were checked, none left out. */
export interface RedisGateSettings {
  readonly commands: RedisCommands
  readonly prefix: string
  readonly deadlineMs: number
  readonly eviction: 'refuse' | 'warn'
  /** `undefined` where no replica need acknowledge a fence. */
  readonly replicated: ReplicatedFenceSettings | undefined
}

const ONE = wordOfUnits(1)

const NO_BUCKET = { windows: [] }

const STALE: GateAnswer = Object.freeze({ outcome: 'stale' })

/** A gate in Redis, which decides each request in one run of a script, on the server's clock. */
export class RedisGate implements Gate {
  readonly versions = 'gate'
  readonly deadlineMs: number
  readonly #settings: RedisGateSettings
  readonly #commands: RedisCommands
  readonly #keys: OwnerKeys
  readonly #decide: RedisScript
  readonly #fence: RedisScript
  readonly #replicated: ReplicatedFence | undefined
  readonly #words = new WeakMap<readonly Window[], string>()
  /** Connections that began so far: an answer that a new one overtook is not given out. */
  #connections = 0
  /** Nonces are this, which nobody else has, and a number. They do not begin like a number, whatever a client makes of it. */
  readonly #nonce = `n${randomBytes(12).toString('base64url')}.`
  #nonces = 0

  constructor(settings: RedisGateSettings) {
    this.#settings = settings
    this.#commands = settings.commands
    this.deadlineMs = settings.deadlineMs
    this.#keys = new OwnerKeys(settings.prefix)
    this.#decide = new RedisScript(settings.commands, admitScript(settings.commands.isCluster))
    const fence = fenceScript(settings.commands.isCluster)
    this.#fence = new RedisScript(settings.commands, fence)
    this.#replicated = settings.replicated && new ReplicatedFence(settings.replicated, fence)
    settings.commands.onConnection(() => {
      this.#connections += 1
    })
  }

  admit(request: GateRequest): Promise<GateAnswer> {
    return this.#ask(true, request)
  }

  peek(request: GateRequest): Promise<GateAnswer> {
    return this.#ask(false, request)
  }

  /** Over the connection of requests first, so that it is in place at once, whatever the replicas do. */
  async fence(owner: string, lineage: string, version: number): Promise<void> {
    const words = [`${this.#keys.startOf(owner)}v:${lineage}`, String(version), this.#freshNonce()]
    await this.#fence.run(['', '', '1', ...words], () => undefined)
    await this.#replicated?.write(['', '', '1', ...words])
  }

  onConnection(listener: () => void): void {
    this.#commands.onConnection(listener)
  }

  async open(report: (warning: GateWarning) => void): Promise<void> {
    let nodes: readonly string[]
    try {
      nodes = await this.#commands.info()
      await this.#replicated?.open()
    } catch (error) {
      throw unavailable(error)
    }
    for (const node of nodes) checkServer(node, this.#settings.eviction, report)
  }

  async inspect(): Promise<GateInspection> {
    try {
      // Connects first: that would pass for a difference of clocks.
      await this.#commands.info()
      const sentAt = systemClock.now()
      const nodes = await this.#commands.info()
      const askedAt = (sentAt + systemClock.now()) / 2
      return { servers: nodes.map((node) => inspectServer(node, askedAt)) }
    } catch (error) {
      throw unavailable(error)
    }
  }

  #ask(counting: boolean, request: GateRequest): Promise<GateAnswer> {
    const begun = this.#connections
    return this.#decide.run(this.#commandFor(counting, request), (reply) =>
      begun === this.#connections ? answerOf(reply, request.buckets) : STALE,
    )
  }

  #commandFor(counting: boolean, { owner, lineage, version, nonce, buckets }: GateRequest): string[] {
    const start = this.#keys.startOf(owner)
    const command = ['', '', String(buckets.length + 1), `${start}v:${lineage}`]
    for (let i = 0; i < buckets.length; i++) command.push(`${start}l:${buckets[i]!.id}`)
    command.push(counting ? 'a' : 'p', String(version), nonce ?? '', this.#freshNonce())
    for (let i = 0; i < buckets.length; i++) {
      const { cost, windows } = buckets[i]!
      command.push((cost === 1 ? ONE : wordOfUnits(cost)) + this.#wordsOf(windows))
    }
    return command
  }

  /** Windows come as the same arrays from request to request. */
  #wordsOf(windows: readonly Window[]): string {
    let words = this.#words.get(windows)
    if (words === undefined) {
      words = windows.map(({ limit, windowSeconds }) => wordOfUnits(limit) + wordOfSeconds(windowSeconds)).join('')
      this.#words.set(windows, words)
    }
    return words
  }

  #freshNonce(): string {
    this.#nonces += 1
    return this.#nonce + this.#nonces
  }
}

/** Reads a reply, and believes none that is not of the form that the script gives. */
function answerOf(reply: unknown, buckets: readonly Bucket[]): GateAnswer {
  if (typeof reply === 'number') return answerOfNumber(reply, buckets)
  if (Array.isArray(reply)) {
    const outcome = Number(reply[0])
    if (outcome === 1) return { outcome: 'admitted', windows: statesOf(reply, 2, buckets) }
    if (outcome === 2) return { outcome: 'refused', windows: statesOf(reply, 3, buckets) }
    throw unreadable()
  }
  // A client may be told to make numbers strings, or strings buffers.
  const text = String(reply)
  if (text.startsWith('n') && text.includes('.')) return { outcome: 'unknown', nonce: text }
  return answerOfNumber(text === '' ? Number.NaN : Number(text), buckets)
}

const RESET_BITS = 2 ** 31

function answerOfNumber(reply: number, buckets: readonly Bucket[]): GateAnswer {
  if (reply === 0) return STALE
  const { windows } = buckets[0] ?? NO_BUCKET
  if (buckets.length !== 1 || windows.length !== 1 || !Number.isSafeInteger(reply)) throw unreadable()
  if (reply < 0) return { outcome: 'refused', windows: [stateOf(windows[0]!, 0, -1 - reply, -1 - reply)] }
  const remaining = Math.floor((reply - 1) / RESET_BITS)
  return { outcome: 'admitted', windows: [stateOf(windows[0]!, remaining, reply - 1 - remaining * RESET_BITS, 0)] }
}

function statesOf(reply: readonly unknown[], stride: number, buckets: readonly Bucket[]): readonly WindowState[] {
  const states: WindowState[] = []
  let at = 1
  for (let i = 0; i < buckets.length; i++) {
    const { windows } = buckets[i]!
    for (let j = 0; j < windows.length; j++) {
      states.push(
        stateOf(windows[j]!, Number(reply[at]), Number(reply[at + 1]), stride === 2 ? 0 : Number(reply[at + 2])),
      )
      at += stride
    }
  }
  if (at !== reply.length) throw unreadable()
  return states
}

function stateOf({ limit, windowSeconds }: Window, remaining: number, resetMs: number, retryMs: number): WindowState {
  // No comparison with NaN holds.
  if (!(remaining >= 0 && resetMs >= 0 && retryMs >= -1)) throw unreadable()
  return { limit, windowSeconds, remaining, resetMs, retryMs: retryMs < 0 ? Number.POSITIVE_INFINITY : retryMs }
}

function unreadable(): StoreUnavailableError {
  return new StoreUnavailableError('Redis answered what the gate’s script cannot have said.')
}
