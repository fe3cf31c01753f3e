/** Where the library's time comes from. The core has no clock of its own: a store brings one, a test sets one. */
export interface Clock {
  /** Wall time in milliseconds since the Unix epoch. May step; used for what is stored and what is shown. */
  now(): number
  /** Milliseconds since an arbitrary start, with fractions. Never steps back; used for ages, windows and deadlines. */
  monotonic(): number
}
