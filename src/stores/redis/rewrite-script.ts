import { CELLS, COUNTER_BYTES, COUNTER_HEAD, COUNTER_HEAD_BYTES, HEAD, HEAD_BYTES, LAYOUT, LIFE } from './log-layout.ts'

/**
 * Lua that widens `log` to `span`, `capacity` and the windows of `coarse`, and fills what is new with what is known,
 * exactly as the memory gate's log does; also moves `base` on before offsets no longer fit 32 bits. Rare: once for
 * each greater need of a log, and then it is stored even if the request is refused or only asks.
 */
export const REWRITE_LOG = `
    local counters = log.counters or {}
    if log.new then
      for _, window in ipairs(coarse or {}) do
        counters[#counters + 1] = { window = window, width = math.ceil(window / ${CELLS}), first = 0, last = 0, total = 0 }
      end
    else
      local kept = {}
      for position = log.count - 1, max(0, log.count - log.capacity), -1 do
        local at = log.base + unit(log, position)
        if log.latest - at >= log.span then break end
        kept[#kept + 1] = { at, 1 }
      end
      for _, counter in ipairs(counters) do
        counter.cells = {}
        for slot = 0, ${CELLS} do
          counter.cells[slot] = (unpack('<d', log.value, counter.at + ${COUNTER_HEAD_BYTES} + 8 * slot))
        end
      end

      -- All units known, newest first: the logged ones, then what the most fitting counter has besides.
      local function knownFor(window)
        local found, known, bound, best = {}, #kept, log.latest, nil
        for i, each in ipairs(kept) do found[i], bound = each, each[1] end
        for _, counter in ipairs(counters) do
          local finer = best and counter.window >= window and counter.window < best.window
          if not best or finer or (best.window < window and counter.window > best.window) then best = counter end
        end
        if best and best.total > 0 then
          for cell = best.last, best.first, -1 do
            local units = best.cells[cell % ${CELLS + 1}]
            local besides = max(0, units - known)
            known = known - (units - besides)
            if besides > 0 then found[#found + 1] = { min(bound, (cell + 1) * best.width), besides } end
          end
        end
        return found
      end

      for _, window in ipairs(coarse or {}) do
        local counter = { window = window, width = math.ceil(window / ${CELLS}), first = 0, last = 0, total = 0, cells = {} }
        local found = knownFor(window)
        for i = #found, 1, -1 do
          local at, units = found[i][1], found[i][2]
          local cell, from = floor(at / counter.width), floor((at - window) / counter.width)
          if counter.total == 0 or from > counter.last then
            counter.cells, counter.total, counter.first = {}, 0, cell
          end
          for old = counter.first, from - 1 do
            counter.total = counter.total - (counter.cells[old % ${CELLS + 1}] or 0)
            counter.cells[old % ${CELLS + 1}] = 0
            counter.first = old + 1
          end
          counter.last, counter.total = cell, counter.total + units
          counter.cells[cell % ${CELLS + 1}] = (counter.cells[cell % ${CELLS + 1}] or 0) + units
        end
        for slot = 0, ${CELLS} do counter.cells[slot] = counter.cells[slot] or 0 end
        counters[#counters + 1] = counter
      end

      if span > log.span or capacity > log.capacity then
        local room, found = capacity, knownFor(span)
        kept = {}
        for _, each in ipairs(found) do
          local units = min(room, each[2])
          if log.latest - each[1] < span and units > 0 then
            room = room - units
            kept[#kept + 1] = { each[1], units }
          end
        end
      end

      local longest = span
      log.base = #kept > 0 and kept[#kept][1] or log.latest
      local shift = counting and log.shift or log.stored
      for _, counter in ipairs(counters) do longest = max(longest, counter.window) end
      -- The log's content does not become younger by being rewritten.
      log.deadline = log.latest - log.base + longest * ${LIFE}
      local parts = { pack('${HEAD}', ${LAYOUT}, #counters, capacity, span, shift, log.base, log.deadline, log.latest) }
      for i, counter in ipairs(counters) do
        counter.at = ${HEAD_BYTES + 1} + ${COUNTER_BYTES} * (i - 1)
        parts[#parts + 1] = pack('${COUNTER_HEAD}', counter.window, counter.first, counter.last, counter.total)
        for slot = 0, ${CELLS} do parts[#parts + 1] = pack('<d', counter.cells[slot]) end
      end
      log.count = 0
      for i = #kept, 1, -1 do
        log.count = log.count + kept[i][2]
        parts[#parts + 1] = rep(pack('<I4', kept[i][1] - log.base), kept[i][2])
      end
      log.value = table.concat(parts)
      log.known, log.bytes, log.units = log.count, #log.value, ${HEAD_BYTES + 1} + ${COUNTER_BYTES} * #counters
      if shift == log.shift then log.moved = false end
      call('SET', key, log.value, 'PX', math.ceil(log.deadline + log.base - log.now))
    end
    log.span, log.capacity = span, capacity
    log.counters = #counters > 0 and counters
`
