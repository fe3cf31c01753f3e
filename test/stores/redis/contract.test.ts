import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { redis, redisChannel } from 'keyward/redis'
import { afterAll, beforeAll, describe, it } from 'vitest'
import { channelContract } from '../../../src/testing/channel-contract.ts'
import { gateContract } from '../../../src/testing/gate-contract.ts'
import { redisCommand } from '../../servers/redis-command.ts'
import { type ClientUnderTest, keysOf, redisClients } from './redis-clients.ts'

describe.each(Object.keys(redisClients))('over %s', (name) => {
  let subject: ClientUnderTest
  beforeAll(async () => {
    subject = await redisClients[name]!()
  })
  afterAll(() => subject?.stop())

  describe('the gate', () => {
    // A case waits for time to pass, and has keys of its own: all of them at once.
    it.concurrent.each(gateContract.map((each) => [each.name, each] as const))('%s', async (_, { run }) => {
      await run({
        createGate() {
          const prefix = `${randomUUID()}:`
          return {
            gate: redis(subject.client, { prefix }),
            toleranceMs: 200,
            advance: (ms: number) => sleep(ms + 5),
            entries: async () => (await keysOf(subject.urls, prefix)).filter((key) => key.includes('}l:')).length,
          }
        },
      })
    })
  })

  describe('the channel', () => {
    it.each(channelContract.map((each) => [each.name, each] as const))('%s', async (_, { run }) => {
      const prefix = `${randomUUID()}:`
      const create = () => redisChannel(subject.client, subject.subscriber(), { prefix })
      await run({
        createChannel: () => ({ channel: create(), another: create, cut: () => cutListeners(subject.urls) }),
      })
    })
  })
})

/** Ends every connection that listens. */
async function cutListeners(urls: readonly string[]): Promise<void> {
  for (const url of urls) await redisCommand(url, ['CLIENT', 'KILL', 'TYPE', 'pubsub'])
}
