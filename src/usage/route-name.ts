/** A route as a framework has it. */
export interface RoutePattern {
  /** What a router in front has taken off the path, as it was sent; empty for none. */
  readonly mount?: string | undefined
  /** Pattern of the path: text, or whatever else the framework takes for one; `undefined` where no route was found. */
  readonly path: unknown
}

const MAX_CHARACTERS = 200
/** Names that are remembered, so that they are made once. */
const MAX_REMEMBERED = 1_000

/** Names routes by their patterns, and remembers the names. */
export class RouteNames {
  /** By method, mount and path. */
  #remembered = new Map<string, Map<string, Map<string, string>>>()
  #size = 0

  /**
   * Names a route by its method and the framework's pattern, never by what a client has sent: of a router's mount, which
   * frameworks do not tell as a pattern, only words are kept.
   *
   * @returns The empty string where no route was found.
   */
  of(method: string, given: RoutePattern | (() => RoutePattern) | undefined): string {
    const pattern = typeof given === 'function' ? ask(given) : given
    if (typeof pattern?.path !== 'string') return patternName(method, pattern)
    const { mount = '', path } = pattern
    const known = this.#remembered.get(method)?.get(mount)?.get(path)
    if (known !== undefined) return known
    const name = patternName(method, pattern)
    if (this.#size >= MAX_REMEMBERED) {
      this.#remembered = new Map()
      this.#size = 0
    }
    const mounts = entryOf(this.#remembered, method)
    entryOf(mounts, mount).set(path, name)
    this.#size += 1
    return name
  }
}

function entryOf<T>(maps: Map<string, Map<string, T>>, name: string): Map<string, T> {
  const known = maps.get(name) ?? new Map<string, T>()
  maps.set(name, known)
  return known
}

function patternName(method: string, pattern: RoutePattern | undefined): string {
  if (pattern?.path === undefined || pattern.path === null) return ''
  const { mount = '', path } = pattern
  const text = typeof path === 'string' ? path : String(path)
  const name = `${method} ${mount === '' ? '' : withoutValues(mount)}${mount !== '' && text === '/' ? '' : text}`
  return isPlain(name) ? name : (name.replace(/[\p{Cc}\p{Cs}]/gu, '').match(FIRST)?.[0] ?? '')
}

/** The first characters, and no half of a surrogate pair. */
const FIRST = new RegExp(`^.{1,${MAX_CHARACTERS}}`, 'u')

/** A framework that cannot tell its route breaks no request. */
function ask(given: () => RoutePattern): RoutePattern | undefined {
  try {
    return given()
  } catch {
    return undefined
  }
}

/** Whether a name may be kept as it is: short, and of printable ASCII. */
function isPlain(name: string): boolean {
  return name.length <= MAX_CHARACTERS && /^[\x20-\x7e]*$/.test(name)
}

/** A word, or a version such as `v1`; anything else in a mount may be an id. */
const WORD = /^(?:v\d{1,3}|[a-z][a-z_-]{0,31})$/i

function withoutValues(mount: string): string {
  return mount
    .split('/')
    .map((part) => (part === '' || WORD.test(part) ? part : ':'))
    .join('/')
}
