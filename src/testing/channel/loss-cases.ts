import { expectEqual } from '../expectations.ts'
import { type ChannelCase, channelCase } from './channel-case.ts'

/** What becomes of a channel that loses its connection. */
export const lossCases: readonly ChannelCase[] = [
  channelCase('mends itself after a loss, says so, and goes on hearing', async ({ channel, another, cut, listen }) => {
    const listening = await listen(channel)
    const sender = await another()
    await sender.publish('before')
    await listening.expectMessages(['before'], 'before the loss')
    await cut()
    await listening.expectConnections(2, 'after the loss')
    await sender.publish('after')
    await listening.expectMessages(['before', 'after'], 'after the loss')
  }),
  channelCase(
    'mends itself after each of several losses, and hears nothing twice',
    async ({ channel, cut, listen }) => {
      const listening = await listen(channel)
      const messages: string[] = []
      for (let loss = 1; loss <= 3; loss++) {
        await cut()
        await listening.expectConnections(loss + 1, `after loss ${loss}`)
        messages.push(`after loss ${loss}`)
        await channel.publish(`after loss ${loss}`)
        await listening.expectMessages(messages, `after loss ${loss}`)
      }
    },
  ),
  channelCase('stays closed when it is closed after a loss', async ({ channel, another, cut, listen }) => {
    const listening = await listen(channel)
    const other = await another()
    const witness = await listen(other)
    await cut()
    await channel.close()
    const connections = listening.connections
    await new Promise((resolve) => setTimeout(resolve, 500))
    await other.publish('after')
    await witness.expectMessages(['after'], 'heard by the other')
    expectEqual([listening.messages, listening.connections], [[], connections], 'told after close')
  }),
]
