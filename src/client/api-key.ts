/** An API key that is sent, and never shown. */
export interface ApiKey {
  /** Value of the Authorization header. */
  readonly authorization: string
  readonly length: number
  /** Replaces the key in a text. */
  hide(text: string): string
  /** Copies an error and its causes without the key where one of them shows it; gives back any other as it is. */
  hideInError(error: unknown): unknown
}

interface Environment {
  readonly process?: { readonly env?: Readonly<Record<string, string | undefined>> }
  readonly Deno?: { readonly env?: { get(name: string): string | undefined } }
}

const DEEPEST_CAUSE = 8
const MOST_MEMBERS = 1_000

/**
 * Takes the key that is given, else the one of the environment, as Node.js, Bun, Deno and Workers have it.
 *
 * @throws {TypeError} When there is none, or it cannot be sent. The message does not hold it.
 */
export function readApiKey(given: string | undefined, variable: string): ApiKey {
  const apiKey = given ?? readVariable(variable)
  if (apiKey === undefined || apiKey === '')
    throw new TypeError(`apiKey: must be given, or be in the environment variable ${variable}`)
  if (typeof apiKey !== 'string' || !/^[\x21-\x7e]{1,4096}$/.test(apiKey))
    throw new TypeError('apiKey: must have 1 to 4,096 printable ASCII characters and no spaces')
  const hide = (text: string) => text.replaceAll(apiKey, '[API key]')
  return {
    authorization: `Bearer ${apiKey}`,
    length: apiKey.length,
    hide,
    hideInError: (error) => (shows(error, apiKey) ? copyHidden(error, hide) : error),
  }
}

function readVariable(name: string): string | undefined {
  const { process, Deno } = globalThis as Environment
  return process?.env?.[name] ?? Deno?.env?.get(name)
}

/** Whether printing an error could show the key. What cannot be looked into counts as if it did. */
function shows(error: unknown, apiKey: string): boolean {
  const seen = new Set<unknown>([error])
  for (const each of seen) {
    if (typeof each === 'function' || (typeof each === 'string' && each.includes(apiKey))) return true
    if (typeof each !== 'object' || each === null) continue
    if (!(each instanceof Error) && !isPlain(each)) return true
    for (const { value, get } of Object.values(Object.getOwnPropertyDescriptors(each))) seen.add(get ?? value)
    if (each instanceof Error) seen.add(each.name).add(each.message).add(each.stack)
    if (seen.size > MOST_MEMBERS) return true
  }
  return false
}

function isPlain(value: object): boolean {
  return Array.isArray(value) || [Object.prototype, null].includes(Object.getPrototypeOf(value))
}

function copyHidden(error: unknown, hide: (text: string) => string, depth = 0): unknown {
  if (!(error instanceof Error) || depth === DEEPEST_CAUSE) return new Error(hide(String(error)))
  const cause = error.cause === undefined ? undefined : copyHidden(error.cause, hide, depth + 1)
  const copy = new Error(hide(error.message), cause === undefined ? undefined : { cause })
  copy.name = hide(error.name)
  return 'code' in error ? Object.assign(copy, { code: hide(String(error.code)) }) : copy
}
