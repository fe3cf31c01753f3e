import { type ChildProcess, fork } from 'node:child_process'
import { createKeyward, type Keyward } from 'keyward'
import { sqlite } from 'keyward/sqlite'
import { afterEach, describe, expect, it } from 'vitest'
import { createTestClock } from '../src/testing/test-clock.ts'
import type { Order } from './crash/other-process.ts'
import { storeKinds } from './store-kinds.ts'
import { temporaryFile } from './stores/sqlite/temporary-files.ts'
import { outcomeOf } from './visit.ts'

const CALLERS = 8
const total = 200

const open: Keyward[] = []
const children: ChildProcess[] = []
afterEach(async () => {
  for (const keyward of open.splice(0)) await keyward.close()
  for (const child of children.splice(0)) child.kill('SIGKILL')
})

/** Hammers a key from 8 callers until told to stop, and says when each request that passed had begun. */
function hammer(keyward: Keyward, apiKey: string) {
  const route = { scopes: ['use'] }
  let isOver = false
  let requests = 0
  const passed: number[] = []
  async function call(): Promise<void> {
    while (!isOver) {
      const begunAt = performance.now()
      requests += 1
      if ((await outcomeOf(keyward, apiKey, route)) === 'admitted') passed.push(begunAt)
      await new Promise<void>((resolve) => setImmediate(resolve))
    }
  }
  const callers = Array.from({ length: CALLERS }, call)
  return {
    async stop() {
      isOver = true
      await Promise.all(callers)
      return { requests, passed }
    },
  }
}

const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))

/** Ends a key in the middle of the fire, and counts the requests that passed though they began after the end. */
async function endUnderFire(keyward: Keyward, apiKey: string, end: () => Promise<unknown>) {
  const fire = hammer(keyward, apiKey)
  await pause(3)
  await end()
  const endedAt = performance.now()
  await pause(12)
  const { requests, passed } = await fire.stop()
  return { requests, before: passed.length, after: passed.filter((begunAt) => begunAt > endedAt).length }
}

const acts = ['revoke', 'disable', 'delete', 'purge', 'narrow'] as const

describe.each(storeKinds)('a key under fire from 8 callers, on %s', (_kind, createStore) => {
  it.each(acts)('never passes again after %s has resolved', async (act) => {
    const keyward = createKeyward({ store: createStore({ now: Date.now, monotonic: () => performance.now() }) })
    open.push(keyward)
    await keyward.ready()
    const sum = { requests: 0, before: 0, after: 0 }
    for (let round = 0; round < total; round++) {
      const { id, apiKey } = await keyward.keys.create({ owner: 'fire', name: act, scopes: ['use'] })
      const end = () => (act === 'narrow' ? keyward.keys.update(id, { scopes: [] }) : keyward.keys[act](id))
      const { requests, before, after } = await endUnderFire(keyward, apiKey, end)
      sum.requests += requests
      sum.before += before
      sum.after += after
    }
    expect(sum.before).toBeGreaterThan(total)
    expect(sum.requests).toBeGreaterThan(sum.before)
    expect(sum.after).toBe(0)
  })
})

describe('a key on a SQLite file', () => {
  it('stays as it is when the process is started again', async () => {
    const file = temporaryFile()
    const clock = createTestClock()
    const before = createKeyward({ store: sqlite(file, { clock }) })
    const made = await Promise.all(
      acts.map(async (act) => {
        const { id, apiKey } = await before.keys.create({ owner: 'fire', name: act, scopes: ['use'] })
        expect(await outcomeOf(before, apiKey, { scopes: ['use'] })).toBe('admitted')
        if (act === 'narrow') await before.keys.update(id, { scopes: [] })
        else await before.keys[act](id)
        return apiKey
      }),
    )
    const good = await before.keys.create({ owner: 'fire', name: 'good', scopes: ['use'] })
    await before.close()
    const after = createKeyward({ store: sqlite(file, { clock }) })
    open.push(after)
    const outcomes = await Promise.all(made.map((apiKey) => outcomeOf(after, apiKey, { scopes: ['use'] })))
    expect(outcomes).toEqual([...Array(4).fill('invalid_api_key'), 'insufficient_scope'])
    expect(await outcomeOf(after, good.apiKey, { scopes: ['use'] })).toBe('admitted')
  })

  it('never passes again after another process has ended it', async () => {
    const file = temporaryFile()
    const keyward = createKeyward({ store: sqlite(file) })
    open.push(keyward)
    await keyward.ready()
    const child = fork(new URL('./crash/other-process.ts', import.meta.url), [file], {
      execArgv: ['--import', 'tsx'],
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    })
    children.push(child)
    const waiting = new Map<number, () => void>()
    child.on('message', ({ number }: { number: number }) => waiting.get(number)?.())
    const answered = (number: number) => new Promise<void>((resolve) => waiting.set(number, resolve))
    await answered(0)
    const sum = { before: 0, after: 0 }
    for (let round = 1; round <= total; round++) {
      const act = acts[round % acts.length] ?? 'revoke'
      const { id: keyId, apiKey } = await keyward.keys.create({ owner: 'fire', name: act, scopes: ['use'] })
      const { before, after } = await endUnderFire(keyward, apiKey, async () => {
        const done = answered(round)
        child.send({ number: round, act, keyId } satisfies Order)
        await done
      })
      sum.before += before
      sum.after += after
    }
    expect(sum.before).toBeGreaterThan(total)
    expect(sum.after).toBe(0)
    const ended = new Promise((resolve) => child.once('exit', resolve))
    child.send({ number: -1, act: 'end', keyId: '' } satisfies Order)
    expect(await ended).toBe(0)
  })

  it('that another process enabled or granted is good at once', async () => {
    const file = temporaryFile()
    const [serving, other] = [createKeyward({ store: sqlite(file) }), createKeyward({ store: sqlite(file) })]
    open.push(serving, other)
    await serving.ready()
    for (let round = 0; round < 20; round++) {
      const { id, apiKey } = await other.keys.create({ owner: 'fire', name: 'x' })
      expect(await outcomeOf(serving, apiKey)).toBe('admitted')
      await other.keys.disable(id)
      expect(await outcomeOf(serving, apiKey)).toBe('invalid_api_key')
      await other.keys.enable(id)
      expect(await outcomeOf(serving, apiKey)).toBe('admitted')
      expect(await outcomeOf(serving, apiKey, { scopes: ['use'] })).toBe('insufficient_scope')
      await other.keys.update(id, { scopes: ['use'] })
      expect(await outcomeOf(serving, apiKey, { scopes: ['use'] })).toBe('admitted')
    }
  })
})
