/** Seconds for which a version entry is kept after it was written (rule 8 of the fence). */
const ENTRY_SECONDS = 86_400

/**
 * Lua that reads a lineage's version entry into `state`, `known`, `by` and `held`, all nil where there is none.
 *
 * An entry is `v<version>@<node>` (verified) or `p<floor>@<node>/<nonce>` (pending); `<node>` is empty outside a
 * cluster. Anything else, such as an entry of a later layout, is an error: it admits nobody, and no fence is written
 * over it.
 *
 * In a cluster, an entry that another node wrote counts as pending with a nonce that nobody holds. A replica that was
 * promoted may lack the last fences of its predecessor, and a slot may have moved from such a one: what a node
 * inherits is no proof that a copy is current, but its version is a good floor. So a failover and the move of a slot
 * cost each lineage one read of the store, and no stale copy passes, although a fence that was replicated too late is
 * lost. A node that was demoted and promoted again trusts what it wrote before; there the new connection, which drops
 * all copies, is what keeps stale ones out.
 */
const READ_ENTRY = `
  local state, known, by, held
  if entry then
    state, known, by, held = string.match(entry, '^([vp])(%d+)@(%x*)/?(.*)$')
    if not state or (state == 'v') ~= (held == '') then
      return redis.error_reply('KEYWARD the version entry is damaged or of a later layout')
    end
    known = tonumber(known)
  end
`

/** Lua that puts the id of the node that runs the script into `node`: empty outside a cluster. */
const readNode = (isCluster: boolean) => `local node = ${isCluster ? "redis.call('CLUSTER', 'MYID')" : "''"}\n`

/**
 * Lua that compares the presented version (`ARGV[2]`) and nonce (`ARGV[3]`) with the entry at `KEYS[1]`, after rules 2
 * to 4 of the fence, and returns from the script unless the copy is current: 0 for stale, a nonce for unknown. A copy
 * that is newer than a verified entry, or that answers the nonce of a pending one, becomes the entry. `ARGV[4]` is the
 * nonce of an entry that has to be made.
 */
export function compareVersion(isCluster: boolean): string {
  return `${readNode(isCluster)}
local entry = redis.call('GET', KEYS[1])
local current = 'v' .. ARGV[2] .. '@' .. node
if entry ~= current then
  ${READ_ENTRY}
  if by ~= node then
    redis.call('SET', KEYS[1], string.format('p%.0f@%s/%s', known or 0, node, ARGV[4]), 'EX', ${ENTRY_SECONDS})
    return ARGV[4]
  end
  local version = tonumber(ARGV[2])
  if state == 'v' then
    if version < known then return 0 end
  elseif held ~= ARGV[3] or version < known then
    return held
  end
  redis.call('SET', KEYS[1], current, 'EX', ${ENTRY_SECONDS})
end
`
}

/**
 * Script that raises the version (`ARGV[1]`) below which copies are stale, after rule 5 of the fence. It always writes,
 * so that `WAIT` means something; where there is no entry, or another node's, it makes a pending one with the nonce
 * `ARGV[2]`.
 */
export function fenceScript(isCluster: boolean): string {
  return `#!lua
${readNode(isCluster)}
local entry = redis.call('GET', KEYS[1])
${READ_ENTRY}
local raised = math.max(known or 0, tonumber(ARGV[1]))
if by ~= node then
  state, held = 'p', ARGV[2]
end
local written = string.format('%s%.0f@%s', state, raised, node)
if state == 'p' then written = written .. '/' .. held end
redis.call('SET', KEYS[1], written, 'EX', ${ENTRY_SECONDS})
return 1
`
}
