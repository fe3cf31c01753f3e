import { ConfigError, headOfFetch, peerOfFetch } from '../index.ts'
import { bodylessRequest } from './arrival.ts'
import { readWebBody } from './byte-limit.ts'
import type { Serve } from './serve-management.ts'

/** A path that no route has. */
const NOWHERE = '//'

/** @throws {ConfigError} When the option is no path that a mount can have. */
export function checkBasePath(option: string, basePath: string): void {
  if (typeof basePath !== 'string' || !/^(\/[\w.~-]+)*$/.test(basePath))
    throw new ConfigError(`${option}: must be a path such as '/manage', without a slash at its end, or ''`)
}

/** Makes the fetch handler. What is not below the base path is not found. */
export function mountOnFetch(
  serve: Serve,
  basePath: string,
): (request: Request, native?: unknown) => Promise<Response> {
  return async (request, native) => {
    const { pathname, search } = new URL(request.url)
    const isBelow = pathname === basePath || pathname.startsWith(`${basePath}/`)
    return serve({
      head: headOfFetch(request, peerOfFetch(request, native)),
      request: bodylessRequest(request.method, request.url, request.headers),
      target: (isBelow ? pathname.slice(basePath.length) : NOWHERE) + search,
      basePath,
      native,
      subject: request,
      readBody: (mostBytes) => readWebBody(request.body, mostBytes),
    })
  }
}
