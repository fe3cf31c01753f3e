import type { ChannelListener } from '../../model/channel.ts'
import { expectEqual } from '../expectations.ts'

const PATIENCE_MS = 10_000

/** Notes what a channel says. */
export class Listening implements ChannelListener {
  readonly messages: string[] = []
  connections = 0
  #changed: () => void = () => {}

  heard(message: string): void {
    this.messages.push(message)
    this.#changed()
  }

  connected(): void {
    this.connections += 1
    this.#changed()
  }

  /** Waits until the last message is this one, and compares all of them, in order. */
  async expectMessages(expected: readonly string[], what: string): Promise<void> {
    const last = expected.at(-1)
    await this.#until(() => last === undefined || this.messages.includes(last))
    expectEqual(this.messages, expected, what)
  }

  /** Waits until so many connections were told of. */
  async expectConnections(least: number, what: string): Promise<void> {
    await this.#until(() => this.connections >= least)
    if (this.connections < least) throw new Error(`${what}: expected ${least} connections, found ${this.connections}`)
  }

  async #until(holds: () => boolean): Promise<void> {
    let timer: ReturnType<typeof setTimeout> | undefined
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, PATIENCE_MS)
    })
    const come = new Promise<void>((resolve) => {
      this.#changed = () => {
        if (holds()) resolve()
      }
      this.#changed()
    })
    await Promise.race([come, late])
    clearTimeout(timer)
  }
}
