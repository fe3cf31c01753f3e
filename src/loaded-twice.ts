/** What every copy of this module on a page or in a process finds under the same name. */
const SLOT = Symbol.for('keyward.loaded')
const THIS_COPY = {}

/**
 * Says whether another copy of the library is at work in this process, as when two packages brought one each. Their
 * classes differ, so `instanceof` fails between them, and each would count windows of its own.
 */
export function isLoadedTwice(): boolean {
  const shared = globalThis as { [SLOT]?: object }
  shared[SLOT] ??= THIS_COPY
  return shared[SLOT] !== THIS_COPY
}
