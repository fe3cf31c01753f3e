import type { Window } from '../../src/model/policy.ts'

/** The definition of a sliding window, written down as plainly as it can be: every admission ever, looked through. */
export class Oracle {
  private readonly times: number[] = []
  /** Units up to and with each admission. */
  private readonly sums: number[] = []
  private total = 0

  add(atMs: number, units: number): void {
    this.total += units
    this.times.push(atMs)
    this.sums.push(this.total)
  }

  /** Units admitted in `(atMs - lengthMs, atMs]`. */
  used(lengthMs: number, atMs: number): number {
    return this.total - this.sumBefore(this.firstAfter(atMs - lengthMs))
  }

  fits(windows: readonly Window[], cost: number, atMs: number): boolean {
    if (cost === 0) return true
    return windows.every(({ limit, windowSeconds }) => this.used(windowSeconds * 1000, atMs) + cost <= limit)
  }

  /** Milliseconds until no more than `left` units are in a window. */
  waitUntil(left: number, lengthMs: number, atMs: number): number {
    if (this.used(lengthMs, atMs) <= left) return 0
    let index = this.firstAfter(atMs - lengthMs)
    while (this.total - this.sums[index]! > left) index += 1
    return this.times[index]! + lengthMs - atMs
  }

  private sumBefore(index: number): number {
    return index === 0 ? 0 : this.sums[index - 1]!
  }

  /** Index of the first admission later than an instant. */
  private firstAfter(instantMs: number): number {
    let low = 0
    let high = this.times.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.times[middle]! > instantMs) high = middle
      else low = middle + 1
    }
    return low
  }
}

/** A generator of random numbers that gives the same ones for the same seed (mulberry32). */
export class Dice {
  private state: number

  constructor(seed: number) {
    this.state = seed >>> 0
  }

  /** From 0 to below 1. */
  next(): number {
    this.state = (this.state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(this.state ^ (this.state >>> 15), this.state | 1)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }

  whole(least: number, greatest: number): number {
    return least + Math.floor(this.next() * (greatest - least + 1))
  }

  chance(share: number): boolean {
    return this.next() < share
  }

  pick<T>(list: readonly T[]): T {
    return list[this.whole(0, list.length - 1)]!
  }
}

/** `KEYWARD_SEED`, or a new one each time; stands in the name of each random test. */
export const SEED = Number(process.env['KEYWARD_SEED'] ?? Math.floor(Math.random() * 2 ** 31))

/** Times the usual number of decisions, for `npm run test:long`. */
export const SCALE = process.env['KEYWARD_LONG'] === undefined ? 1 : 20
