import { EXACT_LIMIT, HEAD, HEAD_BYTES, LAYOUT, LIFE, OFFSET_LIMIT, UNTIL_AT, WHOLE_BYTES } from './log-layout.ts'
import { COST_CHARACTERS, readCost, readOneWindow, readWindow, WINDOW_CHARACTERS } from './wording.ts'

/** Units up to which a log is not looked at for what could be dropped. */
const SMALL_LOG = 64

/** Lua for where a unit is. */
const unitAt = (position: string) => `unpack('<I4', value, ${HEAD_BYTES + 1} + 4 * (${position}))`

/**
 * Lua that reads the log at `key` into `value` (false where there is none), `count`, `now`, `span` and `deadline`, and
 * says in `usual` whether it is plain: read whole, without coarse counters, serving windows of `limit` and `length`
 * already, with nothing to drop, and with the clock where it should be. All instants are relative to the log's base.
 */
const READ_LOG = `
    local value, count, now, span, deadline = false, 0, 0, length, 0
    usual = limit <= ${EXACT_LIMIT} and (limit <= 512 or call('STRLEN', key) <= ${WHOLE_BYTES})
    if usual then value = call('GET', key) end
    if value then
      usual = #value > ${HEAD_BYTES} and #value <= ${WHOLE_BYTES}
      if usual then
        local layout, counters, capacity, longest, shift, base, expires = unpack('${HEAD}', value)
        count, span, deadline = (#value - ${HEAD_BYTES}) / 4, longest, expires
        now = millisecond + shift - base
        local latest = unpack('<I4', value, #value - 3)
        local half = (count - count % 2) / 2
        usual = layout == ${LAYOUT} and counters == 0 and count % 1 == 0 and length <= span and limit <= capacity
          and capacity <= ${EXACT_LIMIT} and now + ended >= latest and now - latest < span and now + ended < ${OFFSET_LIMIT}
          and (count <= ${SMALL_LOG} or (count - capacity <= half and ${unitAt('half')} > now - span))
      end
    end
`

/** Lua that tests one window of such a log: what is `used` of it, and how long until the next unit is free (`reset`). */
const TEST_WINDOW = `
      local cut = now - length
      local first = count > limit and count - limit or 0
      if first < count and ${unitAt('first')} <= cut then
        local step = 1
        while first + step < count and ${unitAt('first + step')} <= cut do step = step * 2 end
        local high = first + step < count and first + step or count
        first = first + (step - step % 2) / 2 + 1
        while first < high do
          local sum = first + high
          local middle = (sum - sum % 2) / 2
          if ${unitAt('middle')} > cut then high = middle else first = middle + 1 end
        end
      end
      local used, reset = count - first, 0
      if used > 0 and limit > 0 then
        reset = ${unitAt('first')} - cut
        if reset > length then reset = length end
      end
`

/** Lua that says how long until a cost that does not fit does (`retry`): -1 where it never will. */
const WAIT_FOR_ROOM = `
        local retry = -1
        if cost <= limit then
          retry = ${unitAt('count + cost - limit - 1')} - cut
          if retry > length then retry = length end
        end
`

/** Lua that adds an admission to such a log, or makes one of it. */
const ADD = `
      if value then
        local unit = struct.pack('<I4', now + ended)
        call('APPEND', key, cost == 1 and unit or string.rep(unit, cost))
        if now + ended + span > deadline then
          call('SETRANGE', key, ${UNTIL_AT}, struct.pack('<d', now + ended + span * ${LIFE}))
          call('PEXPIRE', key, span * ${LIFE})
        end
      else
        local at = millisecond + ended
        local head = struct.pack('${HEAD}', ${LAYOUT}, 0, limit, length, 0, at, length * ${LIFE}, at)
        call('SET', key, head .. string.rep('\\0\\0\\0\\0', cost), 'PX', length * ${LIFE})
      end
`

/**
 * Lua that decides the usual request at a fraction of the cost: every log is plain, and none is named twice. It
 * returns from the script, or leaves everything to what comes after it, and that decides the same. One window of one
 * bucket has a way of its own, without tables.
 */
export const DECIDE_THE_USUAL = `
local call, unpack = redis.call, struct.unpack
local time = redis.call('TIME')
local micro = tonumber(time[2])
local millisecond = time[1] * 1000 + (micro - micro % 1000) / 1000
local ended = micro % 1000 == 0 and 0 or 1
local usual, text = true, ARGV[5]
if #KEYS == 2 and #text == ${COST_CHARACTERS + WINDOW_CHARACTERS} then
  local key = KEYS[2]
  ${readOneWindow()}
  ${READ_LOG}
  if usual then
    ${TEST_WINDOW}
    if cost > 0 and used + cost > limit then
      ${WAIT_FOR_ROOM}
      if used == limit and retry == reset then return -1 - reset end
      return { 2, limit - used, reset, retry }
    end
    if cost > 0 and counting then
      ${ADD}
      used = used + cost
      if reset == 0 then reset = length end
    end
    return 1 + (limit - used) * 2147483648 + reset
  end
else
  local bucket, buckets, windows, fits = 2, #KEYS, 0, true
  local logs, reply, refusal = {}, { 1 }, { 2 }
  while usual and bucket <= buckets do
    local key, text, named = KEYS[bucket], ARGV[bucket + 3], false
    ${readCost()}
    local most, longest = 0, 0
    for other = 2, bucket - 1 do named = named or KEYS[other] == key end
    for i = 1, many do
      ${readWindow()}
      if limit > most then most = limit end
      if length > longest then longest = length end
    end
    local limit, length = most, longest
    ${READ_LOG}
    if named then usual = false end
    if usual then
      if cost > 0 and many > 0 then logs[#logs + 1] = { key, cost, limit, length, value, now, span, deadline } end
      for i = 1, many do
        ${readWindow()}
        ${TEST_WINDOW}
        refusal[3 * windows + 2], refusal[3 * windows + 3], refusal[3 * windows + 4] = limit - used, reset, 0
        if cost > 0 and used + cost > limit then
          ${WAIT_FOR_ROOM}
          fits, refusal[3 * windows + 4] = false, retry
        end
        if counting and cost > 0 then
          used = used + cost
          if reset == 0 then reset = length end
        end
        reply[2 * windows + 2], reply[2 * windows + 3] = limit - used, reset
        windows = windows + 1
      end
    end
    bucket = bucket + 1
  end
  if usual then
    if not fits then return refusal end
    if counting then
      for i = 1, #logs do
        local log = logs[i]
        local key, cost, limit, length, value, now, span, deadline = log[1], log[2], log[3], log[4], log[5], log[6], log[7], log[8]
        ${ADD}
      end
    end
    return reply
  end
end
`
