import { chmodSync } from 'node:fs'
import { Redis } from 'ioredis'
import { createKeyward, type KeywardEvent } from 'keyward'
import { redis } from 'keyward/redis'
import { sqlite } from 'keyward/sqlite'
import Libsql from 'libsql'
import { expect, it, onTestFinished } from 'vitest'
import { describeWith } from './servers/missing-servers.ts'
import { startRedis } from './servers/redis.ts'
import { temporaryFile } from './stores/sqlite/temporary-files.ts'
import { outcomeOf } from './visit.ts'

describeWith('redis', 'a store that was restored from a backup', () => {
  it('79: lets no key in that was revoked since: the gate knows better, and the request is 503, with an event', async () => {
    const server = await startRedis()
    const client = new Redis(server.url)
    onTestFinished(async () => {
      client.disconnect()
      await server.stop()
    })
    const file = temporaryFile()
    const events: KeywardEvent[] = []
    const open = (path: string) => {
      const gate = redis(client, { prefix: `${file}:` })
      const keyward = createKeyward({ store: sqlite(path), gate, onEvent: (event) => void events.push(event) })
      onTestFinished(() => keyward.close())
      return keyward
    }
    const first = open(file)
    const { id, apiKey } = await first.keys.create({ owner: 'acme', name: 'Stolen' })
    const { apiKey: good } = await first.keys.create({ owner: 'acme', name: 'Production' })
    await first.close()
    const backup = temporaryFile()
    new Libsql(file).exec(`VACUUM INTO '${backup}'`)
    chmodSync(backup, 0o600)

    const second = open(file)
    expect(await outcomeOf(second, apiKey)).toBe('admitted')
    expect((await second.keys.revoke(id)).fenced).toBe(true)
    expect(await outcomeOf(second, apiKey)).toBe('invalid_api_key')
    await second.close()

    const restored = open(backup)
    await restored.ready()
    events.length = 0
    expect(await outcomeOf(restored, apiKey)).toBe('service_unavailable')
    expect(events).toContainEqual(expect.objectContaining({ type: 'stale', keyId: id, version: 1 }))
    expect(await outcomeOf(restored, good)).toBe('admitted')
    // Whoever sees the event revokes it again.
    await restored.keys.revoke(id)
    expect(await outcomeOf(restored, apiKey)).toBe('invalid_api_key')
  })
})
