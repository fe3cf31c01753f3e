import type { Clock, KeyStore } from 'keyward'
import type { Framework } from './framework.ts'
import { openSite, type Site, type SiteOptions } from './site.ts'

/** A sentence about requests that claim or cost something, proven over any framework and any store. */
export interface ExchangeCase {
  /** What happens, with the numbers of the rows that it covers. */
  readonly name: string
  /** Whether it takes a socket: a client that leaves, or bytes that come one after the other. */
  readonly needsSocket?: boolean
  run(open: (options?: SiteOptions) => Promise<Site>): Promise<void>
}

/** Runs a case over one framework and one kind of store. */
export function runCase(
  each: ExchangeCase,
  framework: Framework,
  createStore: (clock: Clock) => KeyStore,
): Promise<void> {
  return each.run((options) => openSite(framework, createStore, options))
}

/** A promise, and how to keep it. */
export function gate(): { readonly opened: Promise<void>; open(): void } {
  let open = (): void => {}
  const opened = new Promise<void>((resolve) => {
    open = resolve
  })
  return { opened, open }
}
