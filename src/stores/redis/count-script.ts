import {
  BASE_AT,
  CELLS,
  COUNTER_BYTES,
  COUNTER_HEAD,
  COUNTER_HEAD_BYTES,
  HEAD,
  HEAD_BYTES,
  LATEST_AT,
  LAYOUT,
  LIFE,
  SHIFT_AT,
  UNTIL_AT,
} from './log-layout.ts'

/** Lua that counts `cost` units in one coarse counter of `log`, at the instant `at`. */
const COUNT_COARSE = String.raw`
      local cell, from = floor(at / counter.width), floor((at - counter.window) / counter.width)
      if counter.total == 0 or from > counter.last or log.now - log.latest >= counter.window then
        local slot = cell % ${CELLS + 1}
        counter.first, counter.last, counter.total, counter.tail, counter.empty = cell, cell, cost, cost, true
        call('SETRANGE', key, counter.at - 1, pack('${COUNTER_HEAD}', counter.window, cell, cell, cost)
          .. rep('\0', 8 * slot) .. pack('<d', cost) .. rep('\0', 8 * (${CELLS} - slot)))
      else
        local cells = counter.at + ${COUNTER_HEAD_BYTES}
        for old = counter.first, from - 1 do
          local slot = cells + 8 * (old % ${CELLS + 1})
          counter.total, counter.first = counter.total - unpack('<d', log.value, slot), old + 1
          call('SETRANGE', key, slot - 1, rep('\0', 8))
        end
        local slot = cells + 8 * (cell % ${CELLS + 1})
        counter.tail = cost + (cell == counter.last and unpack('<d', log.value, slot) or 0)
        counter.before, counter.last, counter.total = counter.last, cell, counter.total + cost
        call('SETRANGE', key, counter.at + 3, pack('<ddd', counter.first, cell, counter.total))
        call('SETRANGE', key, slot - 1, pack('<d', counter.tail))
      end
`

/** Lua that drops the first `waste` units. */
const COMPACT = `
        local value = call('GETRANGE', key, 0, log.units - 2)
        if waste < log.count then
          value = value .. call('GETRANGE', key, log.units - 1 + 4 * waste, -1)
        else
          log.base = at
        end
        log.deadline = at - log.base + longest * ${LIFE}
        log.value = string.sub(value, 1, ${BASE_AT}) .. pack('<dd', log.base, log.deadline)
          .. string.sub(value, ${BASE_AT + 17}) .. rep(pack('<I4', at - log.base), units)
        log.units = log.units - 4 * waste
        call('SET', key, log.value, 'PX', longest * ${LIFE})
`

/**
 * Lua that counts in the log of every bucket. A log is never written by a refusal, but for what its time was shifted
 * by when the server's clock stepped back.
 */
export const COUNT = String.raw`
for _, log in ipairs(logs) do
  local key, cost = log.key, log.adds
  if fits and counting and cost > 0 then
    local at, longest, units = millisecond + ended + log.shift, log.span, min(cost, log.capacity)
    local counters = log.counters or {}
    for _, counter in ipairs(counters) do longest = max(longest, counter.window) end
    if log.new then
      log.base, log.units = at, ${HEAD_BYTES + 1} + ${COUNTER_BYTES} * #counters
      local value = pack('${HEAD}', ${LAYOUT}, #counters, log.capacity, log.span, 0, at, longest * ${LIFE}, at)
      for i, counter in ipairs(counters) do
        local cell = floor(at / counter.width)
        local slot = cell % ${CELLS + 1}
        counter.first, counter.last, counter.total, counter.tail = cell, cell, cost, cost
        value = value .. pack('${COUNTER_HEAD}', counter.window, cell, cell, cost)
          .. rep('\0', 8 * slot) .. pack('<d', cost) .. rep('\0', 8 * (${CELLS} - slot))
      end
      log.value = value .. rep('\0\0\0\0', units)
      call('SET', key, log.value, 'PX', longest * ${LIFE})
    else
      if log.moved then call('SETRANGE', key, ${SHIFT_AT}, pack('<d', log.shift)) end
      if log.capacity == 0 then call('SETRANGE', key, ${LATEST_AT}, pack('<d', at)) end
      for _, counter in ipairs(counters) do ${COUNT_COARSE} end
      local half, cut, waste = floor(log.count / 2), log.now - log.base - log.span, 0
      if log.count > 0 and (log.count - log.capacity > half or unit(log, half) <= cut) then
        waste = firstAfter(log, max(half, log.count - log.capacity), cut)
      end
      if waste > 0 then
        ${COMPACT}
      else
        log.added = at - log.base
        if units > 0 then call('APPEND', key, rep(pack('<I4', log.added), units)) end
        if log.added + longest > log.deadline then
          call('SETRANGE', key, ${UNTIL_AT}, pack('<d', log.added + longest * ${LIFE}))
          call('PEXPIRE', key, longest * ${LIFE})
        end
      end
    end
    log.count, log.grown = log.count + units, units
  elseif log.moved and counting then
    call('SETRANGE', key, ${SHIFT_AT}, pack('<d', log.shift))
  end
end
`

/**
 * Lua that answers: 1 (admitted) or 2 (refused), then for each window what remains, the milliseconds until the next
 * unit is free, and of a refusal those until the cost fits: -1 where it never will.
 */
export const DESCRIBE = `
local counted = fits and counting
local reply, freeIn = { fits and 1 or 2 }, nil
for window = 1, windows do
  local log, counter, limit, length = logOf[window], counterOf[window], limitOf[window], lengthOf[window]
  local inside = used[window]
  if counted then inside = inside + log.adds end
  if counter and not freeIn then
    freeIn = function(log, counter, length, need)
      local from = floor((log.now - length) / counter.width)
      local cell, freed = max(counter.first, from), 0
      while true do
        local units
        if cell == counter.last and counter.tail then units = counter.tail
        -- What was read before counting has old cells there.
        elseif counter.empty or cell > (counter.before or counter.last) then units = 0
        else units = unpack('<d', log.value, counter.at + ${COUNTER_HEAD_BYTES} + 8 * (cell % ${CELLS + 1})) end
        freed = freed + units
        if freed >= need or cell >= counter.last then break end
        cell = cell + 1
      end
      return min(length, (cell + 1) * counter.width + length - log.now)
    end
  end
  local reset = 0
  if inside > 0 and limit > 0 then
    if counter then
      reset = freeIn(log, counter, length, max(1, inside - limit + 1))
    else
      local position = max(log.count - (log.grown or 0) - used[window], log.count - limit)
      reset = min(length, log.base + unit(log, position) + length - log.now)
    end
  end
  reply[#reply + 1] = max(0, limit - inside)
  reply[#reply + 1] = reset
  if not fits then
    local cost, retry = costOf[window], 0
    if cost > limit then
      retry = -1
    elseif cost > 0 and inside + cost > limit then
      if counter then
        retry = freeIn(log, counter, length, inside + cost - limit)
      else
        retry = min(length, log.base + unit(log, log.count + cost - limit - 1) + length - log.now)
      end
    end
    reply[#reply + 1] = retry
  end
end
return reply
`
