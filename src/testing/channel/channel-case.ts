import type { Channel } from '../../model/channel.ts'
import type { MaybePromise } from '../../model/maybe-promise.ts'
import { Listening } from './listening.ts'

/** What a driver brings so that the contract can be run against it. */
export interface ChannelHarness {
  /** Creates a channel of a name that nobody else uses. The contract opens and closes it. */
  createChannel(): MaybePromise<ChannelUnderTest>
}

/** A channel, and what a case needs around it. */
export interface ChannelUnderTest {
  readonly channel: Channel
  /** Creates another channel of the same name on the same server, as another process has it. The contract closes it. */
  another(): MaybePromise<Channel>
  /** Breaks the connection by which {@link ChannelUnderTest.channel} listens; a new one can be made at once. */
  cut(): MaybePromise<void>
}

/** A sentence of the contract and the proof of it. */
export interface ChannelCase {
  readonly name: string
  /** Rejects when the channel breaks the sentence. */
  run(harness: ChannelHarness): Promise<void>
}

/** What a case is given: a channel that nobody listens to yet. */
export interface ChannelProbe extends ChannelUnderTest {
  /** Opens a channel, and notes what is heard. Closed when the case is over. */
  listen(channel: Channel): Promise<Listening>
}

/** Makes a case of a body; whatever it opened is closed after it. */
export function channelCase(name: string, body: (probe: ChannelProbe) => Promise<void>): ChannelCase {
  return {
    name,
    async run(harness) {
      const subject = await harness.createChannel()
      const made = [subject.channel]
      try {
        await body({
          channel: subject.channel,
          cut: () => subject.cut(),
          async another() {
            const channel = await subject.another()
            made.push(channel)
            return channel
          },
          async listen(channel) {
            const listening = new Listening()
            await channel.open(listening)
            return listening
          },
        })
      } finally {
        for (const channel of made) await channel.close()
      }
    },
  }
}
