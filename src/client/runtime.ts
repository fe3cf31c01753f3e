/** What a client takes from where it runs. */
export interface Runtime {
  /** Sends a request. Default: the global `fetch`. In Workers, a service binding: `(url, init) => env.API.fetch(url, init)`. */
  readonly fetch: (url: URL, init: RequestInit) => Promise<Response>
  /** Tells the wall time in milliseconds since the Unix epoch, for a `Retry-After` that is a date. */
  readonly now: () => number
  /** Draws a number from 0 to below 1. */
  readonly random: () => number
  /** Waits some milliseconds before a retry; rejects with the signal's reason once that is aborted. */
  readonly sleep: (ms: number, signal?: AbortSignal | undefined) => Promise<void>
  /** Acts when an attempt has taken some milliseconds, unless the function that it returns is called before. */
  readonly startTimeout: (ms: number, act: () => void) => () => void
}

/** The runtime that this runs in. */
export const thisRuntime: Runtime = {
  fetch: (url, init) => globalThis.fetch(url, init),
  now: () => Date.now(),
  random: () => Math.random(),
  sleep: (ms, signal) =>
    new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason)
      const stop = () => {
        clearTimeout(timer)
        reject(signal?.reason)
      }
      const timer = setTimeout(() => {
        signal?.removeEventListener('abort', stop)
        resolve()
      }, ms)
      signal?.addEventListener('abort', stop, { once: true })
    }),
  startTimeout: (ms, act) => {
    const timer = setTimeout(act, ms)
    return () => clearTimeout(timer)
  },
}
