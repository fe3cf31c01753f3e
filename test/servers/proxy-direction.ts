import type { Socket } from 'node:net'

/** What a proxy does to all its connections at present. */
export interface Weather {
  delayMs: number
  stalled: boolean
  dropsReplies: boolean
}

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
      const waitMs = this.#weather.delayMs === 0 ? 0 : item.dueAt - performance.now()
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
    return performance.now() + this.#weather.delayMs
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
