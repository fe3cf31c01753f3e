import { execFileSync } from 'node:child_process'

const nobody = 65_534

/**
 * Finds the ids under which to run a program that refuses root.
 *
 * @param user - Name of a system user; `nobody` stands in where there is none of that name.
 * @returns Nothing when no user is asked for or we are not root.
 */
export function accountOf(user: string | undefined): { uid?: number; gid?: number } {
  if (user === undefined || process.getuid?.() !== 0) return {}
  return { uid: idOf('-u', user), gid: idOf('-g', user) }
}

function idOf(which: '-u' | '-g', user: string): number {
  try {
    return Number(execFileSync('id', [which, user], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }))
  } catch {
    return nobody
  }
}
