import { type ExitCode, exitCodes } from './failure.ts'
import type { Work } from './session.ts'

/** Says what a change to a key has come to on the servers: exactly what is known, and no more. */
export function fenceText({ versions, store }: Pick<Work, 'versions' | 'store'>, fenced: boolean): string {
  if (!fenced)
    return 'The change is stored, but the gate has not taken its fence: until a server has brought it there, an instance that saw the key in the last minute may still judge it as it was.'
  if (versions === 'process' && store.sharing === 'serve')
    return 'The server that counts in its own memory sees the change within a second.'
  return 'It is in force on every instance, for every request that begins from now on.'
}

/** What a command ends with, by whether all its changes are in force. */
export function fenceCode(fenced: boolean): ExitCode {
  return fenced ? exitCodes.ok : exitCodes.fenceWaits
}
