import {
  CELLS,
  COUNTER_BYTES,
  COUNTER_HEAD,
  COUNTER_HEAD_BYTES,
  EXACT_LIMIT,
  HEAD,
  HEAD_BYTES,
  LAYOUT,
  OFFSET_LIMIT,
  WHOLE_BYTES,
} from './log-layout.ts'
import { REWRITE_LOG } from './rewrite-script.ts'
import { readCost, readWindow } from './wording.ts'

/**
 * Lua that reads the log of each bucket (`KEYS[2]` and on) and tests its windows, which the bucket's word (`ARGV[5]` and
 * on) lists.
 *
 * It leaves `logs` (each once, though two buckets may name it), `fits`, and for each window `logOf`, `counterOf`,
 * `used`: the units inside, of a logged window at most the limit.
 *
 * A unit is dated to the end of the millisecond it was admitted in, and tested against the beginning of the present
 * one: none leaves early.
 */
export const TEST_WINDOWS = `
local pack = struct.pack
local floor, max, min, rep = math.floor, math.max, math.min, string.rep

local function unit(log, position)
  local at = log.units + 4 * position
  local value = log.value
  if at + 3 <= #value then return (unpack('<I4', value, at)) end
  if position >= log.known then return log.added end
  local page = floor(position / 64)
  local text = log.pages[page]
  if not text then
    local from = log.units - 1 + 256 * page
    text = call('GETRANGE', log.key, from, from + 255)
    log.pages[page] = text
  end
  return (unpack('<I4', text, 4 * (position - 64 * page) + 1))
end

-- First position, from low on, of a unit dated after the cut. Looks near low first: few leave at a time.
local function firstAfter(log, low, cut)
  local count = log.count
  if low >= count or unit(log, low) > cut then return low end
  local step = 1
  while low + step < count and unit(log, low + step) <= cut do step = step * 2 end
  local high = min(low + step, count)
  low = low + floor(step / 2) + 1
  while low < high do
    local middle = floor((low + high) / 2)
    if unit(log, middle) > cut then high = middle else low = middle + 1 end
  end
  return low
end

local logs, byKey = {}, {}
local logOf, counterOf, used, limitOf, lengthOf, costOf = {}, {}, {}, {}, {}, {}
local windows, fits = 0, true
for bucket = 2, #KEYS do
  local key = KEYS[bucket]
  local text = ARGV[bucket + 3]
  ${readCost()}
  local log = byKey[key]
  if not log then
    log = { key = key, asked = 0, adds = 0, count = 0, new = true, shift = 0, span = 0, capacity = 0, counters = false }
    local bytes = call('STRLEN', key)
    if bytes > 0 then
      local value = call('GETRANGE', key, 0, bytes <= ${WHOLE_BYTES} and -1 or ${HEAD_BYTES - 1})
      local layout, counters, capacity, span, shift, base, deadline, latest = unpack('${HEAD}', value)
      if bytes > ${WHOLE_BYTES} then
        log.pages = {}
        if counters > 0 then value = call('GETRANGE', key, 0, ${HEAD_BYTES} + ${COUNTER_BYTES} * counters - 1) end
      end
      local count = (bytes - ${HEAD_BYTES} - ${COUNTER_BYTES} * counters) / 4
      if layout ~= ${LAYOUT} or count < 0 or count % 1 ~= 0 or capacity > ${EXACT_LIMIT} or not (base + latest + shift + deadline < 1e15) then
        return redis.error_reply('KEYWARD a log is damaged or of a later layout')
      end
      local longest = span
      log.value, log.units, log.count, log.known, log.bytes = value, ${HEAD_BYTES + 1} + ${COUNTER_BYTES} * counters, count, count, bytes
      if counters > 0 then
        log.counters = {}
        for i = 1, counters do
          local at = ${HEAD_BYTES + 1} + ${COUNTER_BYTES} * (i - 1)
          local window, first, last, total = unpack('${COUNTER_HEAD}', value, at)
          log.counters[i] = { window = window, width = math.ceil(window / ${CELLS}), first = first, last = last, total = total, at = at }
          longest = max(longest, window)
        end
      end
      if count > 0 then latest = base + unit(log, count - 1) end
      log.stored = shift
      -- The clock stepped back: the log's time goes on from the latest admission.
      if millisecond + ended + shift < latest then
        shift = latest - millisecond - ended
        log.moved = true
      end
      if millisecond + shift - latest < longest then
        log.new = false
        log.span, log.capacity, log.shift, log.base, log.deadline, log.latest = span, capacity, shift, base, deadline, latest
      else
        log.count, log.counters, log.moved = 0, false, false
      end
    end
    log.now = millisecond + log.shift
    byKey[key] = log
    logs[#logs + 1] = log
  end

  local span, capacity, coarse = log.span, log.capacity, nil
  for i = 1, many do
    ${readWindow()}
    if limit <= ${EXACT_LIMIT} then
      span, capacity = max(span, length), max(capacity, limit)
    else
      local found = false
      for j = 1, log.counters and #log.counters or 0 do found = found or log.counters[j].window == length end
      for j = 1, coarse and #coarse or 0 do found = found or coarse[j] == length end
      if not found then
        coarse = coarse or {}
        coarse[#coarse + 1] = length
      end
    end
  end
  if coarse or span > log.span or capacity > log.capacity or (not log.new and log.now - log.base > ${OFFSET_LIMIT}) then
${REWRITE_LOG}  end

  log.asked = log.asked + cost
  if many > 0 then log.adds = log.adds + cost end
  local asked = log.asked
  for i = 1, many do
    windows = windows + 1
    ${readWindow()}
    local inside, counter = 0, nil
    if limit > ${EXACT_LIMIT} then
      for _, each in ipairs(log.counters) do if each.window == length then counter = each end end
    end
    if not log.new and log.now - log.latest < length then
      if counter then
        local from = floor((log.now - length) / counter.width)
        if counter.total > 0 and from <= counter.last then
          inside = counter.total
          for cell = counter.first, from - 1 do
            inside = inside - unpack('<d', log.value, counter.at + ${COUNTER_HEAD_BYTES} + 8 * (cell % ${CELLS + 1}))
          end
        end
      else
        inside = log.count - firstAfter(log, max(0, log.count - limit), log.now - log.base - length)
      end
    end
    if asked > 0 and inside + asked > limit then fits = false end
    logOf[windows], counterOf[windows], used[windows] = log, counter, inside
    limitOf[windows], lengthOf[windows], costOf[windows] = limit, length, cost
  end
end
`
