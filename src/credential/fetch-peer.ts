/** What runtimes hand to a fetch handler beside the request, as far as it tells the peer's address. */
interface Native {
  readonly remoteAddr?: { readonly hostname?: unknown } | undefined
  readonly requestIP?: unknown
}

/**
 * Finds the address that a fetch request's connection comes from, where the runtime tells it beside the request:
 * Deno's `info.remoteAddr.hostname`, Bun's `server.requestIP(request)`. Workers tell none.
 *
 * @param native - Second argument of the fetch handler.
 */
export function peerOfFetch(request: Request, native: unknown): string | undefined {
  if (typeof native !== 'object' || native === null) return undefined
  const { remoteAddr, requestIP } = native as Native
  const address = typeof requestIP === 'function' ? requestIP.call(native, request)?.address : remoteAddr?.hostname
  return typeof address === 'string' ? address : undefined
}
