/** Lua that writes a whole number, however great, in digits. */
const WHOLE = "local function whole(number) return string.format('%.0f', number) end\n"

/**
 * Lua that reads Redis' clock into `now`, in milliseconds. Leases and expiry are measured by it: what a script is told are
 * instants of its caller's clock, of which only differences count.
 */
const READ_CLOCK = `${WHOLE}
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
`

/**
 * Lua that returns 0 unless the record at `KEYS[1]` is in progress and its token is `ARGV[1]`. The key of its owner's count
 * goes into `owner`, and how far Redis' clock was ahead of the holder's when it was claimed into `offset`.
 */
const REQUIRE_TOKEN = `
local state, token, offset, owner = unpack(redis.call('HMGET', KEYS[1], 'state', 'token', 'offset', 'owner'))
if state ~= 'open' or token ~= ARGV[1] then return 0 end
`

/**
 * Claims the record at `KEYS[1]`: `ARGV` has fingerprint, token, id of the request, key of the owner's count, and the instants
 * of the claim, of the end of its lease and of the record's. Returns what the claim comes to, with the attempt or the answer.
 *
 * A record is a hash. `state` is `open` or `done`; anything else, such as one of a later layout, is an error: nobody may take
 * the request for a new one. Its `answer` is a letter, `b` before base64 and `n` for none.
 */
export const claimScript = `${READ_CLOCK}
local state, fingerprint, lease, attempt =
  unpack(redis.call('HMGET', KEYS[1], 'state', 'fingerprint', 'lease', 'attempt'))
local turn = 1
if state or redis.call('EXISTS', KEYS[1]) == 1 then
  local known = state == 'open' or state == 'done'
  if not (known and fingerprint and tonumber(lease) and tonumber(attempt)) then
    return redis.error_reply('KEYWARD the idempotency record is damaged or of a later layout')
  end
  if fingerprint ~= ARGV[1] then return { 'mismatch' } end
  if state == 'done' then
    local answer, request = unpack(redis.call('HMGET', KEYS[1], 'answer', 'request'))
    return { 'done', request or '', answer or '' }
  end
  if tonumber(lease) > now then return { 'in_progress' } end
  turn = attempt + 1
end
local offset = now - ARGV[5]
redis.call('HSET', KEYS[1], 'state', 'open', 'fingerprint', ARGV[1], 'token', ARGV[2], 'request', ARGV[3],
  'owner', ARGV[4], 'attempt', whole(turn), 'offset', whole(offset), 'lease', whole(ARGV[6] + offset))
redis.call('PEXPIREAT', KEYS[1], whole(ARGV[7] + offset))
return { 'claimed', whole(turn) }
`

/** Prolongs a lease: `ARGV` has the token, and the ends of lease and record by the clock of whoever claimed it. */
export const renewScript = `${REQUIRE_TOKEN}${WHOLE}
redis.call('HSET', KEYS[1], 'lease', whole(ARGV[2] + offset))
redis.call('PEXPIREAT', KEYS[1], whole(ARGV[3] + offset))
return owner
`

/** Stores an answer: `ARGV` has the token, the answer, and the instants of the completion and of the record's end. */
export const completeScript = `${REQUIRE_TOKEN}${READ_CLOCK}
redis.call('HSET', KEYS[1], 'state', 'done', 'answer', ARGV[2])
redis.call('HDEL', KEYS[1], 'token')
redis.call('PEXPIREAT', KEYS[1], whole(now + ARGV[4] - ARGV[3]))
return owner
`

/** Removes a record in progress: `ARGV` has the token. */
export const releaseScript = `${REQUIRE_TOKEN}
redis.call('DEL', KEYS[1])
return owner
`

/**
 * Says to an owner's count, the sorted set at `KEYS[1]`, what became of the record with the id `ARGV[2]`: it is `gone`; it
 * `ends` at the instant that follows; or it is `live` until that instant, the set must be kept for as many milliseconds, and
 * records that ended by the last instant are forgotten.
 */
export const countScript = `
if ARGV[1] == 'gone' then return redis.call('ZREM', KEYS[1], ARGV[2]) end
if ARGV[1] == 'ends' then return redis.call('ZADD', KEYS[1], 'XX', ARGV[3], ARGV[2]) end
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', ARGV[5])
redis.call('ZADD', KEYS[1], ARGV[3], ARGV[2])
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[4]) then redis.call('PEXPIRE', KEYS[1], ARGV[4]) end
return 1
`
