import type { Socket } from 'node:net'

/** What a proxy does to all its connections at present. */
export interface Weather {
  delayMs: number
  /** The most milliseconds that bytes are held back besides, each time drawn anew. */
  jitterMs: number
  /** Share of what is sent that is lost at first and sent again after {@link RETRANSMIT_MS}: 0 to 1. */
  lossShare: number
  stalled: boolean
  dropsReplies: boolean
}

/** How long Linux waits at the least before it sends again what was not acknowledged: RFC 6298, section 2, less its floor of a second. */
const RETRANSMIT_MS = 200

type Item = { dueAt: number } & ({ kind: 'bytes'; bytes: Buffer } | { kind: 'end' } | { kind: 'reset' })

/** One way through a proxied connection: a queue from which bytes, the end and the reset leave in order. */
export class Direction {
  /** Whether bytes of this way were thrown away. */
  hasLost = false
  readonly #to: Socket
  readonly #weather: Weather
  readonly #isReply: boolean
  #queue: Item[] = []
  #timer: NodeJS.Timeout | undefined

  constructor(from: Socket, to: Socket, { weather, isReply }: { weather: Weather; isReply: boolean }) {
    this.#to = to
    this.#weather = weather
    this.#isReply = isReply
    from.on('data', (bytes: Buffer) => this.#take({ kind: 'bytes', bytes, dueAt: this.#dueAt() }))
    from.on('end', () => this.#take({ kind: 'end', dueAt: this.#dueAt() }))
    from.on('error', () => this.#take({ kind: 'reset', dueAt: this.#dueAt() }))
  }

  /** Sends on what is due. To be called when the weather has cleared. */
  flow(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    while (!this.#weather.stalled) {
      const item = this.#queue[0]
      if (item === undefined) return
      const { delayMs, jitterMs, lossShare } = this.#weather
      const waitMs = delayMs + jitterMs + lossShare === 0 ? 0 : item.dueAt - performance.now()
      if (waitMs > 0) {
        this.#timer = setTimeout(() => this.flow(), waitMs)
        return
      }
      this.#queue.shift()
      this.#deliver(item)
    }
  }

  /** Delivers nothing any more. */
  stop(): void {
    clearTimeout(this.#timer)
    this.#queue = []
  }

  #dueAt(): number {
    const { delayMs, jitterMs, lossShare } = this.#weather
    const lostMs = Math.random() < lossShare ? RETRANSMIT_MS : 0
    return performance.now() + delayMs + Math.random() * jitterMs + lostMs
  }

  #take(item: Item): void {
    if (this.#weather.dropsReplies && this.#isReply && item.kind === 'bytes') {
      this.hasLost = true
      return
    }
    this.#queue.push(item)
    if (this.#timer === undefined) this.flow()
  }

  #deliver(item: Item): void {
    if (this.#to.destroyed) return
    if (item.kind === 'bytes') this.#to.write(item.bytes)
    else if (item.kind === 'end') this.#to.end()
    else this.#to.resetAndDestroy()
  }
}
