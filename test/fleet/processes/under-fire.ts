import type { Instance, RemoteHammer, Timed } from './fleet.ts'

/** What ends a key, or takes from it what it is asked for. */
export const acts = ['revoke', 'disable', 'delete', 'purge', 'narrow'] as const
/** One of them. */
export type Act = (typeof acts)[number]

/** What became of a key that was ended while all instances hammered it. */
export interface Ended {
  readonly act: Act
  readonly fenced: boolean
  /** When the change had resolved, in the instance that made it: nanoseconds of the machine's monotonic clock. */
  readonly endedNs: bigint
  readonly requests: number
  readonly admitted: number
  /** Admitted requests, on any instance, that began after the change had resolved. */
  readonly late: number
  /** When the last admitted request began; 0 if there was none. */
  readonly lastBegunNs: bigint
  /** The same, in the instances that did not make the change. */
  readonly lastBegunElsewhereNs: bigint
}

/** How a key is hammered and ended. */
export interface FireOptions {
  readonly fleet: readonly Instance[]
  /** Index of the instance that makes the change. */
  readonly acting: number
  readonly act: Act
  /** Callers in each instance; default 8. */
  readonly callers?: number
  /** Milliseconds that a caller rests after an answer; default 0. */
  readonly restMs?: number
  /** Is called right before the change. */
  readonly before?: () => Promise<void>
  /** Is waited for before the fire ends. */
  readonly after?: (ended: Timed<{ fenced: boolean }>) => Promise<void>
}

const SCOPES = ['use']

/** Creates a key, lets every instance hammer it, ends it meanwhile, and lets each caller ask at least twice more. */
async function endUnderFire(options: FireOptions): Promise<Ended> {
  const { fleet, acting, act, callers = 8, restMs = 0 } = options
  const actor = fleet[acting]!
  const { id, apiKey } = await actor.keys.create({ owner: `fire-${crypto.randomUUID()}`, name: act, scopes: SCOPES })
  const hammers = await Promise.all(
    fleet.map((instance) => instance.hammer(apiKey, { scopes: SCOPES, callers, restMs })),
  )
  await options.before?.()
  const ended =
    act === 'narrow'
      ? await actor.timed<{ fenced: boolean }>('keys.update', id, { scopes: [] })
      : await actor.timed<{ fenced: boolean }>(`keys.${act}`, id)
  await options.after?.(ended)
  return {
    act,
    fenced: ended.value.fenced,
    endedNs: ended.endedNs,
    ...(await resultOf(hammers, acting, ended.endedNs)),
  }
}

async function resultOf(hammers: readonly RemoteHammer[], acting: number, endedNs: bigint) {
  const results = await Promise.all(hammers.map((hammer) => hammer.stop()))
  const begun = results.map(({ admittedBeginNs }) => admittedBeginNs)
  const all = begun.flat()
  return {
    requests: results.reduce((sum, { requests }) => sum + requests, 0),
    admitted: all.length,
    late: all.filter((begunNs) => begunNs > endedNs).length,
    lastBegunNs: latest(all),
    lastBegunElsewhereNs: latest(begun.filter((_, index) => index !== acting).flat()),
  }
}

function latest(instants: readonly bigint[]): bigint {
  return instants.reduce((last, instant) => (instant > last ? instant : last), 0n)
}

/** Ends many keys, some at a time: each by the next act and on the next instance. */
export async function endMany(
  fleet: readonly Instance[],
  count: number,
  options: Partial<FireOptions> & { readonly lanes: number },
): Promise<readonly Ended[]> {
  const ended: Ended[] = []
  let begun = 0
  async function lane(): Promise<void> {
    while (begun < count) {
      const number = begun
      begun += 1
      const act = acts[number % acts.length] ?? 'revoke'
      ended.push(await endUnderFire({ fleet, acting: number % fleet.length, act, ...options }))
    }
  }
  await Promise.all(Array.from({ length: options.lanes }, lane))
  return ended
}

/** What all of them come to. */
export function summary(ended: readonly Ended[]) {
  const sum = (count: (one: Ended) => number) => ended.reduce((total, one) => total + count(one), 0)
  return {
    changes: ended.length,
    fenced: sum(({ fenced }) => (fenced ? 1 : 0)),
    requests: sum(({ requests }) => requests),
    admitted: sum(({ admitted }) => admitted),
    lateAfterFenced: sum(({ fenced, late }) => (fenced ? late : 0)),
  }
}
