import { userInfo } from 'node:os'
import type { Actor } from '../index.ts'
import { CommandFailure, exitCodes } from './failure.ts'

/**
 * Says who acts, for the audit trail: `cli:` and the name of the user of the operating system, or whoever was named.
 *
 * @throws {CommandFailure} When a name was given that is none.
 */
export function readActor(named: string | undefined): Actor {
  const id = named ?? `cli:${osUser()}`
  if (!/^[^\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]{1,200}$/u.test(id) || id.trim() !== id)
    throw new CommandFailure('--actor must be a name of 1 to 200 printable characters.', exitCodes.usage)
  return { id, owner: null, scopes: ['*'] }
}

/** In a container the user may have a number and no name. */
function osUser(): string {
  try {
    return userInfo().username
  } catch {
    return `uid-${process.getuid?.() ?? 'unknown'}`
  }
}
