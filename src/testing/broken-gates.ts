import type { Bucket, Gate, GateAnswer, GateRequest, WindowState } from '../model/gate.ts'
import type { Window } from '../model/policy.ts'
import type { GateUnderTest } from './gate/gate-case.ts'

/** A way to break a gate, and the sentence of `gateContract` that finds it out. */
export interface BrokenGate {
  readonly name: string
  /** Name of the case that must fail. */
  readonly caughtBy: string
  /** Wraps a gate that is right. */
  spoil(subject: GateUnderTest): GateUnderTest
}

/** Gates broken on purpose: a contract that lets one of them pass has a hole. */
export const brokenGates: readonly BrokenGate[] = [
  broken('admits one too many', 'admits exactly the limit and says what is left', (gate) =>
    onWindows(gate, (window) => ({ ...window, limit: window.limit + 1 })),
  ),

  broken('says what was left before', 'admits exactly the limit and says what is left', (gate) =>
    onStates(gate, (state) => ({ ...state, remaining: Math.min(state.limit, state.remaining + 1) })),
  ),

  broken(
    'starts a new window every so often',
    'slides: each unit is free again a window after it was used',
    (gate, clock) =>
      onBuckets(gate, ({ id, windows, cost }) => ({ id: `${id}/${Math.floor(clock() / 1500)}`, windows, cost })),
  ),

  broken('frees units a second early', 'keeps a unit for the whole of the window', (gate) =>
    onWindows(gate, (window) => ({ ...window, windowSeconds: Math.max(1, window.windowSeconds - 1) })),
  ),

  broken('frees units a second late', 'slides: each unit is free again a window after it was used', (gate) =>
    onWindows(gate, (window) => ({ ...window, windowSeconds: window.windowSeconds + 1 })),
  ),

  broken('promises too early a retry', 'says how long to wait: not longer and not shorter', (gate) =>
    onStates(gate, (state) => ({ ...state, retryMs: state.retryMs / 2 })),
  ),

  broken('makes everybody wait for a whole window', 'says how long to wait: not longer and not shorter', (gate) =>
    onStates(gate, (state) => ({ ...state, retryMs: state.retryMs > 0 ? state.windowSeconds * 1000 : 0 })),
  ),

  broken('says when all units are free', 'says when the next unit is free, and 0 when none is used', (gate) =>
    onStates(gate, (state) => ({ ...state, resetMs: state.windowSeconds * 1000 })),
  ),

  broken('counts what it refuses', 'does not count what it refuses', (gate) => ({
    async admit(request) {
      const answer = await gate.admit(request)
      if (answer.outcome === 'refused') await force(gate, request)
      return answer
    },
  })),

  broken('takes what is left of a cost', 'takes a cost whole or not at all', (gate) => ({
    async admit(request) {
      const answer = await gate.admit(request)
      if (answer.outcome === 'refused') {
        await gate.admit({
          ...request,
          buckets: request.buckets.map((bucket) => ({ ...bucket, cost: bucket.cost - 2 })),
        })
      }
      return answer
    },
  })),

  broken('counts requests, whatever they cost', 'takes a cost whole or not at all', (gate) =>
    onBuckets(gate, (bucket) => ({ ...bucket, cost: Math.min(1, bucket.cost) })),
  ),

  broken('caps a cost at the limit', 'never fits a cost above the limit, nor anything into a limit of 0', (gate) =>
    onBuckets(gate, (bucket) => ({
      ...bucket,
      cost: Math.min(bucket.cost, ...bucket.windows.map(({ limit }) => limit)),
    })),
  ),

  broken('refuses free requests', 'admits a cost of 0 always, and describes the windows', (gate) =>
    onBuckets(gate, (bucket) => ({ ...bucket, cost: Math.max(1, bucket.cost) })),
  ),

  broken('skips free buckets', 'charges each bucket its own cost', (gate) => ({
    admit: (request) => gate.admit({ ...request, buckets: request.buckets.filter(({ cost }) => cost > 0) }),
  })),

  broken('counts window by window', 'counts in every window of a bucket or in none', (gate) =>
    onePerOne(gate, (buckets) =>
      buckets.flatMap(({ id, windows, cost }) =>
        windows.toReversed().map((window) => ({ id: `${id}/${window.windowSeconds}`, windows: [window], cost })),
      ),
    ),
  ),

  broken('counts bucket by bucket', 'counts in every bucket or in none', (gate) =>
    onePerOne(gate, (buckets) => buckets),
  ),

  broken(
    'lets others in between its buckets',
    'is one step over all buckets, in whichever order callers name them',
    (gate) => onePerOne(gate, (buckets) => buckets),
  ),

  broken('starts again when a limit changes', 'keeps the count when a limit changes', (gate) =>
    onBuckets(gate, (bucket) => ({ ...bucket, id: bucket.id + bucket.windows.map(({ limit }) => limit).join() })),
  ),

  broken(
    'starts again above 4096',
    'keeps the count when a limit passes what is logged exactly, in both directions',
    (gate) =>
      onBuckets(gate, (bucket) => ({ ...bucket, id: bucket.id + bucket.windows.some(({ limit }) => limit > 4096) })),
  ),

  broken('keeps a log for each length of window', 'lets callers with different windows share a log', (gate) =>
    onBuckets(gate, (bucket) => ({ ...bucket, id: bucket.id + bucket.windows[0]?.windowSeconds })),
  ),

  broken('counts when asked', 'uses nothing when only asked', (gate) => ({ peek: (request) => gate.admit(request) })),

  broken('needs a window', 'admits a request that faces no window', (gate) => ({
    async admit(request) {
      const answer = await gate.admit(request)
      return 'windows' in answer && answer.windows.length === 0 ? { outcome: 'refused', windows: [] } : answer
    },
  })),

  broken('looks, then counts', 'admits exactly the limit of calls at once', (gate) => ({
    async admit(request) {
      const answer = await gate.peek(request)
      await Promise.resolve()
      if (answer.outcome === 'admitted') await force(gate, request)
      return answer
    },
  })),

  broken('takes ids for numbers where it can', 'keeps buckets apart, whatever they are called', (gate) =>
    onBuckets(gate, (bucket) => ({
      ...bucket,
      id: String(Number.isNaN(Number(bucket.id)) ? bucket.id : Number(bucket.id)),
    })),
  ),

  broken('looks ids up in an object', 'keeps buckets apart, whatever they are called', (gate) => {
    const ids: Record<string, unknown> = {}
    return onBuckets(gate, (bucket) => {
      ids[bucket.id] ??= bucket.id
      return { ...bucket, id: typeof ids[bucket.id] === 'string' ? bucket.id : '' }
    })
  }),

  broken('takes no notice of case', 'keeps buckets apart, whatever they are called', (gate) =>
    onBuckets(gate, (bucket) => ({ ...bucket, id: bucket.id.toLowerCase() })),
  ),

  broken('answers the live record', 'answers with values that later calls do not change', (gate) => {
    const live: WindowState[] = []
    return {
      async admit(request) {
        const answer = await gate.admit(request)
        if (!('windows' in answer)) return answer
        live.splice(0, live.length, ...answer.windows)
        return { outcome: answer.outcome, windows: live }
      },
    }
  }),

  broken('fences nothing', 'answers stale to a copy older than a fence, and counts nothing', () => ({
    fence: () => {},
  })),

  broken(
    'counts before it looks at the version',
    'answers stale to a copy older than a fence, and counts nothing',
    (gate) => ({
      async admit(request) {
        const answer = await gate.admit(request)
        if (answer.outcome === 'stale') await gate.admit({ ...request, version: Number.MAX_SAFE_INTEGER })
        return answer
      },
    }),
  ),

  broken('peeks past a fence', 'answers stale to a copy older than a fence, and counts nothing', (gate) => ({
    peek: (request) => gate.peek({ ...request, version: Number.MAX_SAFE_INTEGER }),
  })),

  broken('lets the last fence win', 'never lowers a fence', (gate) => {
    const floors = new Map<string, number>()
    return withFloors(
      gate,
      (lineage) => floors.get(lineage),
      (lineage, version) => void floors.set(lineage, version),
    )
  }),

  broken('forgets a fence after a second', 'keeps a fence for as long as a copy may live', (gate, clock) => {
    const floors = new Map<string, { version: number; at: number }>()
    const floorOf = (lineage: string) => {
      const floor = floors.get(lineage)
      return floor !== undefined && clock() - floor.at < 1000 ? floor.version : undefined
    }
    return withFloors(gate, floorOf, (lineage, version) => void floors.set(lineage, { version, at: clock() }))
  }),

  broken('keeps only the latest fence', 'keeps a fence for as long as a copy may live', (gate) => {
    let latest = { lineage: '', version: 0 }
    const floorOf = (lineage: string) => (latest.lineage === lineage ? latest.version : undefined)
    return withFloors(gate, floorOf, (lineage, version) => {
      latest = { lineage, version }
    })
  }),

  broken('fences everybody', 'fences one lineage and no other', (gate) => {
    let floor = 0
    return withFloors(
      gate,
      () => floor,
      (_, version) => {
        floor = Math.max(floor, version)
      },
    )
  }),

  {
    name: 'never drops a log',
    caughtBy: 'holds nothing two windows after the last admission',
    spoil(subject) {
      let most = 0
      return {
        ...subject,
        async entries() {
          most = Math.max(most, await subject.entries())
          return most
        },
      }
    },
  },

  {
    name: 'makes a log for whoever asks',
    caughtBy: 'holds nothing two windows after the last admission',
    spoil(subject) {
      const asked = new Set<string>()
      const note = (bucket: Bucket) => {
        asked.add(bucket.id)
        return bucket
      }
      return { ...subject, gate: overlay(subject.gate, onBuckets(subject.gate, note)), entries: () => asked.size }
    },
  },
]

function broken(
  name: string,
  caughtBy: string,
  breakIt: (gate: Gate, clock: () => number) => Partial<Gate>,
): BrokenGate {
  return {
    name,
    caughtBy,
    spoil(subject) {
      let nowMs = 0
      return {
        ...subject,
        gate: overlay(
          subject.gate,
          breakIt(subject.gate, () => nowMs),
        ),
        advance(ms) {
          nowMs += ms
          return subject.advance(ms)
        },
      }
    },
  }
}

function overlay(gate: Gate, changes: Partial<Gate>): Gate {
  return {
    versions: gate.versions,
    admit: (request) => gate.admit(request),
    peek: (request) => gate.peek(request),
    fence: (owner, lineage, version) => gate.fence(owner, lineage, version),
    open: async (report) => gate.open?.(report),
    close: async () => gate.close?.(),
    ...changes,
  }
}

function onBuckets(gate: Gate, change: (bucket: Bucket) => Bucket): Pick<Gate, 'admit' | 'peek'> {
  const changed = (request: GateRequest) => ({ ...request, buckets: request.buckets.map(change) })
  return { admit: (request) => gate.admit(changed(request)), peek: (request) => gate.peek(changed(request)) }
}

function onWindows(gate: Gate, change: (window: Window) => Window): Pick<Gate, 'admit' | 'peek'> {
  return onBuckets(gate, (bucket) => ({ ...bucket, windows: bucket.windows.map(change) }))
}

function onStates(gate: Gate, change: (state: WindowState) => WindowState): Partial<Gate> {
  const changed = (answer: GateAnswer) =>
    'windows' in answer ? { outcome: answer.outcome, windows: answer.windows.map(change) } : answer
  return {
    admit: async (request) => changed(await gate.admit(request)),
    peek: async (request) => changed(await gate.peek(request)),
  }
}

/** Counts a request whether it fits or not. */
async function force(gate: Gate, request: GateRequest): Promise<void> {
  await onWindows(gate, (window) => ({ ...window, limit: 4096 })).admit(request)
}

/** Admits a request in several calls, up to the first refusal. */
function onePerOne(gate: Gate, split: (buckets: readonly Bucket[]) => readonly Bucket[]): Partial<Gate> {
  return {
    async admit(request) {
      const windows: WindowState[] = []
      for (const bucket of split(request.buckets)) {
        const answer = await gate.admit({ ...request, buckets: [bucket] })
        if (!('windows' in answer)) return answer
        windows.push(...answer.windows)
        if (answer.outcome === 'refused') return { outcome: 'refused', windows }
      }
      return { outcome: 'admitted', windows }
    },
  }
}

/** Puts fences of another kind in front of a gate that is told of none. */
function withFloors(
  gate: Gate,
  floorOf: (lineage: string) => number | undefined,
  fence: (lineage: string, version: number) => void,
): Partial<Gate> {
  const isStale = ({ lineage, version }: GateRequest) => version < (floorOf(lineage) ?? 0)
  return {
    admit: (request) => (isStale(request) ? { outcome: 'stale' } : gate.admit(request)),
    peek: (request) => (isStale(request) ? { outcome: 'stale' } : gate.peek(request)),
    fence: (_, lineage, version) => fence(lineage, version),
  }
}
