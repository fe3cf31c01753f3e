import { type MaybePromise, StoreUnavailableError } from '../index.ts'

/** A public key that a scanner signs its reports with. */
export interface ScannerKey {
  /** Name by which a report refers to the key. */
  readonly identifier: string
  /** ECDSA key on P-256, as SubjectPublicKeyInfo in PEM. */
  readonly publicKey: string
}

/** Public keys as a list, or a function that fetches the list. */
export type ScannerKeySource = readonly ScannerKey[] | (() => MaybePromise<readonly ScannerKey[]>)

/** Finds public keys by name. */
export interface ScannerKeys {
  /**
   * Finds a public key. The list is fetched again when it is an hour old, and for a name that is not on it, once in a
   * minute: a stranger who makes up names costs nobody anything.
   *
   * @param now - Milliseconds since the Unix epoch.
   * @returns `undefined` for a name that is not on the list.
   * @throws {StoreUnavailableError} When there is no list that is less than a day old.
   */
  find(identifier: string, now: number): Promise<string | undefined>
}

const FRESH_MS = 3_600_000
const USABLE_MS = 86_400_000
/** Between two fetches; less where the last one failed. */
const PAUSE_MS = 60_000
const PAUSE_AFTER_FAILURE_MS = 5_000

/** Keeps the list of a source. */
export function createScannerKeys(source: ScannerKeySource): ScannerKeys {
  if (typeof source !== 'function') {
    const fixed = mapOf(source)
    return { find: async (identifier) => fixed.get(identifier) }
  }
  let list: { readonly keys: ReadonlyMap<string, string>; readonly at: number } | undefined
  let asked: { readonly at: number; readonly failed: boolean } | undefined
  let running: Promise<void> | undefined
  let cause: unknown

  async function fetchList(now: number): Promise<void> {
    asked = { at: now, failed: true }
    try {
      list = { keys: mapOf(await (source as () => MaybePromise<readonly ScannerKey[]>)()), at: now }
      asked = { at: now, failed: false }
    } catch (error) {
      cause = error
    }
  }

  /** A clock that was set back leaves no list for ever. */
  const isYounger = (at: number, than: number, now: number) => now >= at && now - at < than

  return {
    async find(identifier, now) {
      const isFresh = list !== undefined && isYounger(list.at, FRESH_MS, now)
      const pauseMs = asked?.failed ? PAUSE_AFTER_FAILURE_MS : PAUSE_MS
      const mayAsk = asked === undefined || !isYounger(asked.at, pauseMs, now)
      if ((!isFresh || !list?.keys.has(identifier)) && (mayAsk || running !== undefined)) {
        running ??= fetchList(now).finally(() => {
          running = undefined
        })
        await running
      }
      if (list === undefined || !isYounger(list.at, USABLE_MS, now))
        throw new StoreUnavailableError("The scanner's public keys could not be fetched.", { cause })
      return list.keys.get(identifier)
    },
  }
}

function mapOf(keys: readonly ScannerKey[]): ReadonlyMap<string, string> {
  return new Map(keys.map(({ identifier, publicKey }) => [identifier, publicKey]))
}
