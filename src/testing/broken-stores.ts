import type { Clock } from '../model/clock.ts'
import type { KeyRecord } from '../model/key-record.ts'
import type { ChangeOutcome, Fence, KeyStore } from '../model/key-store.ts'
import { memory } from '../stores/memory/memory-store.ts'
import { brokenAuditTrails } from './broken-audit-trails.ts'

/** A store that is wrong in one way, and the sentence of `keyStoreContract` that finds it out. */
export interface BrokenStore {
  readonly name: string
  /** Name of the case that must fail. */
  readonly caughtBy: string
  create(clock: Clock): KeyStore
}

/** Stores broken on purpose: a contract that lets one of them pass has a hole. */
export const brokenStores: readonly BrokenStore[] = [
  broken('forgets expiresAt', 'returns every field as it was stored', (store) => ({
    commit: (changes) =>
      store.commit(
        changes.map((change) => ({ ...change, put: change.put.map((key) => ({ ...key, expiresAt: null })) })),
      ),
  })),

  broken('hides expired keys', 'judges nothing: returns expired, disabled, revoked and deleted records', (store) => ({
    async findByDigest(digests) {
      const record = await store.findByDigest(digests)
      return record?.expiresAt != null && record.expiresAt.getTime() < store.clock.now() ? undefined : record
    },
  })),

  broken('returns live records', 'returns and takes copies: changing one changes nothing stored', (store) => {
    const live = new Map<string, KeyRecord>()
    return {
      async findById(keyId) {
        const record = live.get(keyId) ?? (await store.findById(keyId))
        if (record !== undefined) live.set(keyId, record)
        return record
      },
      findByDigest: async (digests) => {
        const record = await store.findByDigest(digests)
        return record && (live.get(record.id) ?? record)
      },
    }
  }),

  broken('matches digests whatever their case', 'matches digests exactly: not by case, part or pattern', (store) => ({
    async findByDigest(digests) {
      const everything = await store.list({ owner: undefined, beforeId: undefined, limit: 1_000, conditions: [] })
      return everything.find(({ digest }) => digests.some((asked) => asked.toLowerCase() === digest.toLowerCase()))
    },
  })),

  broken(
    'ignores the version that a change expects',
    'supersedes a change whose version is not the lineage’s, and changes nothing',
    (store) => ({
      async commit(changes, options) {
        const versions = changes.map(async ({ lineage }) => (await store.findById(lineage))?.version ?? 0)
        const current = await Promise.all(versions)
        return store.commit(
          changes.map((change, index) => ({ ...change, expectedVersion: current[index] ?? 0 })),
          options,
        )
      },
    }),
  ),

  broken('reads, then writes', 'commits exactly one of several changes to one version', (store) => ({
    async commit(changes) {
      const [change] = changes
      const current = (change && (await store.findById(change.lineage))?.version) ?? 0
      if (change === undefined || changes.length > 1 || current !== change.expectedVersion) return store.commit(changes)
      await nextTurn()
      const now = (await store.findById(change.lineage))?.version ?? 0
      return store.commit([{ ...change, expectedVersion: now }])
    },
  })),

  broken(
    'stops at the first change that fails',
    'answers a batch in its order, and goes on after a change that fails',
    (store) => ({
      async commit(changes) {
        const outcomes: ChangeOutcome[] = []
        for (const change of changes) {
          const [outcome = 'superseded'] = outcomes.every((each) => each === 'committed')
            ? await store.commit([change])
            : []
          outcomes.push(outcome)
        }
        return outcomes
      },
    }),
  ),

  broken('commits a batch one by one', 'shows a batch whole or not at all', (store) => ({
    async commit(changes) {
      const outcomes: ChangeOutcome[] = []
      for (const change of changes) {
        outcomes.push(...(await store.commit([change])))
        await nextTurn()
      }
      return outcomes
    },
  })),

  broken('removes nothing', 'removes exactly the rows that are named', (store) => ({
    commit: (changes) => store.commit(changes.map((change) => ({ ...change, remove: [] }))),
  })),

  broken(
    'acknowledges before it commits',
    'shows no old version to a read that begins after a commit has resolved',
    (store) => ({
      async commit(changes) {
        if (changes.some((change) => change.expectedVersion === 0)) return store.commit(changes)
        void nextTurn().then(() => store.commit(changes))
        return changes.map(() => 'committed' as const)
      },
    }),
  ),

  broken(
    'reads version and record apart',
    'shows no old version to a read that begins after a commit has resolved',
    (store) => ({
      async findByDigest(digests) {
        const record = await store.findByDigest(digests)
        await nextTurn()
        const later = await store.findByDigest(digests)
        return record && later && { ...record, version: later.version }
      },
    }),
  ),

  broken('lists oldest first', 'lists newest first, page by page, without a gap or a repeat', (store) => ({
    list: async (query) => (await store.list({ ...query, limit: 1_000 })).toReversed().slice(0, query.limit),
  })),

  broken('lists other owners’ keys too', 'lists one owner’s keys or everybody’s', (store) => ({
    list: (query) => store.list({ ...query, owner: undefined }),
  })),

  broken('takes notAfter for before', 'lists exactly what a condition on expiresAt names', (store) => ({
    list: async (query) =>
      (await store.list(query)).filter((record) =>
        query.conditions.every(
          ({ field, test, at }) => test !== 'notAfter' || record[field]?.getTime() !== at.getTime(),
        ),
      ),
  })),

  broken(
    'searches by upper and lower case',
    'finds keys by the beginning of their name, in upper or lower case',
    (store) => ({
      list: async (query) => {
        const { search } = query
        const found = await store.list(query)
        return search === undefined ? found : found.filter(({ name }) => name.startsWith(search))
      },
    }),
  ),

  broken('folds ASCII only', 'finds names in any writing, whatever their case', (store) => ({
    list: async (query) => {
      const { search } = query
      const found = await store.list(query)
      const fold = (text: string) => text.replaceAll(/[A-Z]/g, (letter) => letter.toLowerCase())
      return search === undefined ? found : found.filter(({ name }) => fold(name).startsWith(fold(search)))
    },
  })),

  broken('takes _ for any character', 'takes every character of a search as it is', (store) => ({
    list: async ({ search, ...query }) => {
      const everything = await store.list({ ...query, limit: 1_000 })
      const escaped = search?.replaceAll(/[\\.*+?^${}()|[\]]/g, '\\$&').replaceAll('_', '.')
      return everything.filter(({ name }) => escaped === undefined || new RegExp(`^${escaped}`, 'i').test(name))
    },
  })),

  broken(
    'searches ids by their beginning',
    'finds keys by the beginning of their start or owner as it is, and by their whole id',
    (store) => ({
      list: async (query) => {
        const { search, ...rest } = query
        const isPart = search?.startsWith('key_') ?? false
        return isPart ? (await store.list(rest)).filter(({ id }) => id.startsWith(search ?? '')) : store.list(query)
      },
    }),
  ),

  broken('finds a name that a key had', 'finds nothing by a name that a key had, or by a key that is gone', (store) => {
    const names = new Map<string, string>()
    return {
      commit: (changes, options) => {
        for (const { id, name } of changes.flatMap(({ put }) => put)) names.set(id, names.get(id) ?? name)
        return store.commit(changes, options)
      },
      list: async ({ search, ...query }) =>
        (await store.list(query)).filter(({ id }) => search === undefined || names.get(id)?.startsWith(search)),
    }
  }),

  broken(
    'forgets the conditions of a search',
    'looks only among what owner, conditions and search name together',
    (store) => ({
      list: (query) => store.list(query.search === undefined ? query : { ...query, conditions: [] }),
    }),
  ),

  broken('knows one order only', 'lists oldest first, page by page', (store) => ({
    list: ({ order: _, ...query }) => store.list(query),
  })),

  broken('sorts names by their bytes', 'lists by name whatever its case, then by id, page by page', (store) => ({
    list: async (query) => {
      const page = await store.list(query)
      return query.order?.by === 'name' ? page.toSorted((one, other) => (one.name < other.name ? -1 : 1)) : page
    },
  })),

  broken('lists keys without a use first', 'lists by last use, keys without one last, page by page', (store) => ({
    list: async (query) => {
      const page = await store.list(query)
      if (query.order?.by !== 'lastUsed') return page
      const isUnused = ({ lastUsedAt }: KeyRecord) => lastUsedAt === null
      return [...page.filter(isUnused), ...page.filter((record) => !isUnused(record))]
    },
  })),

  broken(
    'writes a use back with the whole record',
    'writes uses beside the record: version, row and revocation stay',
    (store) => ({
      async recordUses(uses) {
        const records = await Promise.all(uses.map(({ keyId }) => store.findById(keyId)))
        await store.recordUses(uses)
        await nextTurn()
        for (const record of records) if (record !== undefined) await overwrite(store, record)
      },
    }),
  ),

  broken('lowers last-used instants', 'raises last-used instants, and never lowers one', (store) => {
    const latest = new Map<string, Date>()
    return {
      async recordUses(uses) {
        for (const { keyId, usedAt } of uses) latest.set(keyId, usedAt)
      },
      async findById(keyId) {
        const record = await store.findById(keyId)
        return record && { ...record, lastUsedAt: latest.get(keyId) ?? null }
      },
    }
  }),

  broken(
    'skips the audit entry of a removal',
    'has an entry for every change that was committed, and for no other',
    (store) => ({
      listAudit: async (...page) => (await store.listAudit(...page)).filter((entry) => entry.action !== 'key.purged'),
    }),
  ),

  broken(
    'chains nothing',
    'chains the entries of each owner, without gaps and with hashes that can be checked',
    (store) => ({
      listAudit: async (...page) =>
        (await store.listAudit(...page)).map((entry) => ({ ...entry, previousHash: '0'.repeat(64) })),
    }),
  ),

  broken('lets the last edit of a policy win', 'stores a policy only at the version after the stored one', (store) => ({
    async setPolicy(policy, audit) {
      const stored = (await store.listPolicies()).find(({ name }) => name === policy.name)
      return store.setPolicy({ ...policy, version: (stored?.version ?? 0) + 1 }, audit)
    },
  })),

  broken(
    'keeps fences that nobody asked for',
    'keeps the fence of each committed change that others may have seen, when asked to',
    (store) => ({ commit: (changes) => store.commit(changes, { keepFences: true }) }),
  ),

  broken(
    'keeps no fences',
    'keeps the fence of each committed change that others may have seen, when asked to',
    (store) => ({ commit: (changes) => store.commit(changes) }),
  ),

  broken(
    'keeps the fences of keys that nobody has seen',
    'keeps the fence of each committed change that others may have seen, when asked to',
    (store) => ({
      commit: (changes, options) =>
        store.commit(
          changes.map((change) => ({ ...change, unseen: false })),
          options,
        ),
    }),
  ),

  broken(
    'lists the newest fence first',
    'lists one fence a lineage at its latest version, oldest change first, up to a limit',
    (store) => ({ listFences: async (limit) => (await store.listFences(1_000)).toReversed().slice(0, limit) }),
  ),

  broken(
    'keeps the first version of a fence',
    'lists one fence a lineage at its latest version, oldest change first, up to a limit',
    (store) => {
      const first = new Map<string, Fence>()
      return {
        async listFences(limit) {
          const fences = await store.listFences(limit)
          for (const fence of fences) if (!first.has(fence.lineage)) first.set(fence.lineage, fence)
          return fences.map((fence) => first.get(fence.lineage) ?? fence)
        },
      }
    },
  ),

  broken('removes fences whatever their version', 'removes a fence only at its version or above', (store) => ({
    removeFences: (fences) =>
      store.removeFences(fences.map((fence) => ({ ...fence, version: Number.MAX_SAFE_INTEGER }))),
  })),

  broken('drops the fence with the key', 'keeps a fence through the removal of its key', (store) => ({
    async commit(changes, options) {
      const outcomes = await store.commit(changes, options)
      for (const { owner, lineage, remove } of changes)
        if (remove.length > 0) await store.removeFences([{ owner, lineage, version: Number.MAX_SAFE_INTEGER }])
      return outcomes
    },
  })),

  broken(
    'keeps fences for itself',
    'shows fences to whoever opens the same data again, and lets two remove them',
    (store) => {
      const seen = new Set<string>()
      return {
        async listFences(limit) {
          const fresh = (await store.listFences(limit)).filter(({ lineage }) => !seen.has(lineage))
          for (const { lineage } of fresh) seen.add(lineage)
          return fresh
        },
      }
    },
  ),

  broken('lets the last note win', 'keeps the first note of a name', (store) => ({
    keepNote: async (_name, text) => {
      await store.open()
      return text
    },
  })),

  broken('keeps notes that it is to drop', 'finds notes without keeping any, and drops those of a range', () => ({
    dropNotes: async () => {},
  })),

  ...brokenAuditTrails.map((each) => broken(...each)),
]

function broken(name: string, caughtBy: string, breakIt: (store: KeyStore) => Partial<KeyStore>): BrokenStore {
  return {
    name,
    caughtBy,
    create(clock) {
      const store = memory({ losesDataOnExit: true, clock })
      return { ...store, ...breakIt(store) }
    },
  }
}

async function overwrite(store: KeyStore, record: KeyRecord): Promise<void> {
  const { owner, lineage } = record
  const [entry] = await store.listAudit(owner, 0, 1)
  const expectedVersion = (await store.findById(record.id))?.version ?? 0
  if (entry === undefined) return
  await store.commit([{ owner, lineage, expectedVersion, put: [record], remove: [], audit: entry, unseen: false }])
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0))
}
