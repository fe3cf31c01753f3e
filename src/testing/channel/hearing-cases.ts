import { expectEqual } from '../expectations.ts'
import { type ChannelCase, channelCase } from './channel-case.ts'

/** All of printable ASCII, and what a driver that builds statements or patterns of text may stumble over. */
const PRINTABLE = Array.from({ length: 95 }, (_, i) => String.fromCharCode(32 + i)).join('')
const LONGEST = PRINTABLE.repeat(44).slice(0, 4096)

/** Who hears what. */
export const hearingCases: readonly ChannelCase[] = [
  channelCase('hears its own messages in order, each once', async ({ channel, listen }) => {
    const listening = await listen(channel)
    const messages = Array.from({ length: 50 }, (_, i) => `own ${i}`)
    for (const message of messages) await channel.publish(message)
    await listening.expectMessages(messages, 'own messages')
  }),
  channelCase('carries messages from one process to another, each way', async ({ channel, another, listen }) => {
    const other = await another()
    const [here, there] = [await listen(channel), await listen(other)]
    const messages = Array.from({ length: 20 }, (_, i) => `from ${i % 2} ${i}`)
    for (const [i, message] of messages.entries()) await (i % 2 === 0 ? channel : other).publish(message)
    await here.expectMessages(messages, 'heard here')
    await there.expectMessages(messages, 'heard there')
  }),
  channelCase('keeps the order of messages that a sender does not wait for', async ({ channel, another, listen }) => {
    const listening = await listen(channel)
    const sender = await another()
    const messages = Array.from({ length: 100 }, (_, i) => `at once ${i}`)
    await Promise.all(messages.map((message) => sender.publish(message)))
    await listening.expectMessages(messages, 'messages sent at once')
  }),
  channelCase('carries 4,096 characters of any printable ASCII, whole', async ({ channel, listen }) => {
    const listening = await listen(channel)
    const messages = [LONGEST, "'", '"; --', '\\', '{"json":"\\u0041"}', ' ', 'end']
    for (const message of messages) await channel.publish(message)
    await listening.expectMessages(messages, 'awkward messages')
  }),
  channelCase(
    'publishes also while nobody listens, and keeps nothing for later',
    async ({ channel, another, listen }) => {
      await (await another()).publish('early')
      const listening = await listen(channel)
      await channel.publish('later')
      await listening.expectMessages(['later'], 'messages of somebody who came late')
    },
  ),
  channelCase('says so once it listens, before open resolves', async ({ channel, listen }) => {
    expectEqual((await listen(channel)).connections, 1, 'connections told of when open has resolved')
  }),
  channelCase('hears nothing once it is closed, while others go on', async ({ channel, another, listen }) => {
    const other = await another()
    const [here, there] = [await listen(channel), await listen(other)]
    await other.publish('before')
    await here.expectMessages(['before'], 'before close')
    await channel.close()
    await other.publish('after')
    await there.expectMessages(['before', 'after'], 'heard by the other')
    expectEqual(here.messages, ['before'], 'heard after close')
  }),
  channelCase('may be closed twice, and before it is open', async ({ channel, another, listen }) => {
    await (await another()).close()
    await listen(channel)
    await Promise.all([channel.close(), channel.close()])
    await channel.close()
  }),
  channelCase('may be opened again after it was closed', async ({ channel, listen }) => {
    const first = await listen(channel)
    await channel.close()
    const second = await listen(channel)
    await channel.publish('again')
    await second.expectMessages(['again'], 'heard after the second open')
    expectEqual(first.messages, [], 'heard by the listener that was closed')
  }),
]
