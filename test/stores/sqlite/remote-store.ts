import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { onTestFinished } from 'vitest'
import type { KeyStore } from '../../../src/model/key-store.ts'
import type { StoreAnswer, StoreCall } from './store-process.ts'

const script = fileURLToPath(new URL('./store-process.ts', import.meta.url))

/** A store in a process of its own. Errors arrive with their name, and a message that ends with their cause's. */
export interface RemoteStore {
  readonly process: ChildProcess
  call<M extends StoreCall['method']>(
    method: M,
    ...args: Parameters<NonNullable<KeyStore[M]>>
  ): Promise<Awaited<ReturnType<NonNullable<KeyStore[M]>>>>
  /** Ends the process as a crash would, and waits for its end. Calls that are not answered never are. */
  kill(): Promise<void>
}

/** Starts a process with a store on a file, not yet opened; it ends with the test. */
export async function startRemoteStore(file: string): Promise<RemoteStore> {
  const child = fork(script, [file], { execArgv: ['--import', 'tsx'], serialization: 'advanced' })
  const waiting = new Map<number, (answer: StoreAnswer) => void>()
  const started = new Promise<void>((resolve) => waiting.set(0, () => resolve()))
  let lastId = 0
  child.on('message', (answer: StoreAnswer) => {
    waiting.get(answer.id)?.(answer)
    waiting.delete(answer.id)
  })
  const kill = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return
    child.kill('SIGKILL')
    await once(child, 'exit')
  }
  onTestFinished(kill)
  await started
  return {
    process: child,
    kill,
    call(method, ...args) {
      lastId += 1
      const id = lastId
      child.send({ id, method, args } satisfies StoreCall, () => {})
      return new Promise((resolve, reject) => {
        waiting.set(id, ({ value, error }) => {
          if (error === undefined) resolve(value as never)
          else reject(Object.assign(new Error(error.message), { name: error.name }))
        })
      })
    },
  }
}
