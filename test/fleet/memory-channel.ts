import { type Channel, type ChannelListener, StoreUnavailableError } from 'keyward'

/** A wire between channels of this process, which a test can cut, delay and mend. */
export interface Wire {
  channel(): Channel
  /** Nothing that is said from now on arrives, and nobody notices: a black hole. */
  swallow(): void
  /** Whoever publishes is refused. */
  refuse(): void
  /** Works again; those who listen are on a new connection where `anew`. */
  mend(anew?: boolean): void
  /** Messages arrive so much later: milliseconds. */
  delayMs: number
  /** How often a channel was opened. */
  readonly openings: number
  /** What was said, heartbeats aside. */
  readonly said: readonly string[]
}

/** Creates a wire. Every message is heard by all who listen, in order. */
export function createWire(): Wire {
  const listeners = new Set<ChannelListener>()
  const said: string[] = []
  let state: 'whole' | 'swallowing' | 'refusing' = 'whole'
  let openings = 0
  const wire: Wire = {
    delayMs: 0,
    said,
    get openings() {
      return openings
    },
    swallow: () => {
      state = 'swallowing'
    },
    refuse: () => {
      state = 'refusing'
    },
    mend(anew = false) {
      state = 'whole'
      if (anew) for (const listener of listeners) listener.connected()
    },
    channel() {
      let own: ChannelListener | undefined
      return {
        async open(listener) {
          openings += 1
          own = listener
          listeners.add(listener)
          listener.connected()
        },
        async publish(message) {
          if (state === 'refusing') throw new StoreUnavailableError('The wire is cut.')
          if (!message.startsWith('beat')) said.push(message)
          if (state === 'swallowing') return
          const hear = () => {
            for (const listener of listeners) listener.heard(message)
          }
          if (wire.delayMs === 0) hear()
          else setTimeout(hear, wire.delayMs)
        },
        async close() {
          if (own !== undefined) listeners.delete(own)
        },
      }
    },
  }
  return wire
}
