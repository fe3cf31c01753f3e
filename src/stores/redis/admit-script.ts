import { COUNT, DESCRIBE } from './count-script.ts'
import { DECIDE_THE_USUAL } from './usual-script.ts'
import { compareVersion } from './version-script.ts'
import { TEST_WINDOWS } from './window-script.ts'

/**
 * Script that decides one request: the version of the copy, then every window, then it counts in all or in none.
 *
 * It is declared to write (no flags after `#!lua`), so that a server that may not be written to, a replica or one that
 * is out of memory, answers with an error also what would only have been read.
 *
 * - `KEYS`: the version entry, then a log for each bucket; all in one slot.
 * - `ARGV`: `a` (admit) or `p` (peek); version; nonce of an earlier answer, or nothing; a fresh nonce; then for each
 *   bucket a word of its cost and windows.
 * - Answer: 0 (stale), a nonce (unknown), or a flat list of whole numbers. For one window of one bucket it is mostly a
 *   single number, which clients read faster: 1 + remaining × 2^31 + milliseconds until the next unit is free, admitted;
 *   or -1 less the milliseconds until the next unit is free, which is when the cost fits, refused with none left.
 */
export function admitScript(isCluster: boolean): string {
  return `#!lua
${compareVersion(isCluster)}
if #KEYS == 1 then return { 1 } end
local counting = ARGV[1] == 'a'
${DECIDE_THE_USUAL}
${TEST_WINDOWS}
${COUNT}
${DESCRIBE}`
}
