/** A value that is there already, or will be: what a room returns where the usual case needs no waiting. */
export type MaybePromise<T> = T | Promise<T>

/**
 * Goes on with a value: at once where it is there, later where it is a promise. Keeps the usual request, whose
 * key has a copy and whose gate is in memory, free of promises.
 */
export function andThen<T, R>(value: MaybePromise<T>, next: (value: T) => MaybePromise<R>): MaybePromise<R> {
  return value instanceof Promise ? value.then(next) : next(value)
}
