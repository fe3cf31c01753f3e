/** The greatest limit that is kept exactly; the memory gate has the same. */
export const EXACT_LIMIT = 4096

/** Cells into which a coarse window is divided, and one more where it begins inside a cell. */
export const CELLS = 64

/** First byte of every log. A log of another layout is an error, never an empty one. */
export const LAYOUT = 1

/**
 * What a log begins with, for `struct`. All numbers are little-endian; instants are in ms.
 *
 * - layout, and number of coarse counters (a byte each)
 * - capacity: greatest exact limit that was ever asked of the log, in units (16 bits)
 * - span: longest exact window that was ever asked of it, in ms (32 bits)
 * - shift: how far the log's time is ahead of the server's, because the server's clock stepped back (doubles from here)
 * - base: instant, in the log's time, that units are counted from
 * - until: instant, after base, at which the key expires if nothing is counted before
 * - latest: instant of the latest admission; only kept up where no units are logged, else it is the last unit's
 */
export const HEAD = '<BBI2I4dddd'
export const HEAD_BYTES = 40
export const SHIFT_AT = 8
export const BASE_AT = 16
export const UNTIL_AT = 24
export const LATEST_AT = 32

/** A coarse counter: window in ms (32 bits), first cell, last cell, total; then the units of each cell (doubles). */
export const COUNTER_HEAD = '<I4ddd'
export const COUNTER_HEAD_BYTES = 28
export const COUNTER_BYTES = COUNTER_HEAD_BYTES + 8 * (CELLS + 1)

/** A unit: milliseconds from base to its admission, rounded up (32 bits). Units end the log, oldest first. */
const UNIT_BYTES = 4

/** A log of at most so many bytes (512 units) is read whole, a longer one in places. */
export const WHOLE_BYTES = HEAD_BYTES + 512 * UNIT_BYTES

/** Base is moved on before a unit's offset no longer fits 32 bits: two spans do. */
export const OFFSET_LIMIT = 4_294_900_000

/**
 * A key expires an eighth of its longest window later than it could, so that it is told so only once in a while: that
 * costs as much as counting does. All lengths are whole seconds, so an eighth is a whole number of ms.
 */
export const LIFE = 9 / 8
