import type { Clock } from '../model/clock.ts'
import type { UsageStore } from '../model/usage-store.ts'
import { memory } from '../stores/memory/memory-store.ts'
import type { BrokenStore } from './broken-stores.ts'

/** Stores whose counts are broken on purpose, each with the sentence of `usageStoreContract` that finds it out. */
export const brokenUsageStores: readonly BrokenStore[] = [
  broken('forgets labels', 'returns a row as it was added', (usage) => ({
    readUsage: async (query) => (await usage.readUsage(query)).map((row) => ({ ...row, label: null })),
  })),

  broken('keeps the first counts', 'adds to what is there, whichever writer it is from', (usage) => {
    const seen = new Set<string>()
    return {
      addUsage: (batch) => {
        const fresh = batch.rows.filter((row) => !seen.has(JSON.stringify({ ...row, writer: undefined })))
        for (const row of fresh) seen.add(JSON.stringify(row))
        return usage.addUsage({ ...batch, rows: fresh })
      },
    }
  }),

  broken('lets credits grow without end', 'ends credits at 2^53 - 1', (usage) => ({
    readUsage: async (query) => (await usage.readUsage(query)).map((row) => ({ ...row, credits: row.credits * 2 })),
  })),

  broken('counts every batch', 'counts a batch that is sent twice once, also after others', (usage) => {
    let writers = 0
    return { addUsage: (batch) => usage.addUsage({ ...batch, writer: `writer ${writers++}` }) }
  }),

  broken('looks at the sequence, then adds', 'counts a batch once that several send at once', (usage) => {
    const sequences = new Map<string, number>()
    let writers = 0
    return {
      async addUsage(batch) {
        if ((sequences.get(batch.writer) ?? 0) >= batch.sequence) return
        await nextTurn()
        sequences.set(batch.writer, batch.sequence)
        await usage.addUsage({ ...batch, writer: `racing ${writers++}` })
      },
    }
  }),

  broken('passes over an empty batch', 'counts an empty batch as one that was added', (usage) => ({
    addUsage: async (batch) => (batch.rows.length === 0 ? undefined : usage.addUsage(batch)),
  })),

  broken('reads, then writes', 'loses nothing of what several writers add at once to the same rows', (usage) => {
    let adding = 0
    return {
      async addUsage(batch) {
        adding += 1
        await nextTurn()
        if (adding === 1) await usage.addUsage(batch)
        adding -= 1
      },
    }
  }),

  broken('takes a thousand rows', 'takes 5,000 rows at once', (usage) => ({
    addUsage: (batch) => usage.addUsage({ ...batch, rows: batch.rows.slice(0, 1_000) }),
  })),

  broken('keeps the first label', 'keeps the latest label, and what it has where none is given', (usage) => {
    const labels = new Map<string, string>()
    return {
      addUsage(batch) {
        const rows = batch.rows.map((row) => {
          const label = labels.get(row.name) ?? row.label
          if (label !== null) labels.set(row.name, label)
          return { ...row, label }
        })
        return usage.addUsage({ ...batch, rows })
      },
    }
  }),

  broken('folds case', 'keeps intervals, scopes, dimensions and names apart', (usage) => ({
    addUsage: (batch) =>
      usage.addUsage({ ...batch, rows: batch.rows.map((row) => ({ ...row, name: row.name.toLowerCase() })) }),
  })),

  broken(
    'reads one too many',
    'reads from the first instant on and before the last, in order, with gaps where nothing was counted',
    (usage) => ({ readUsage: (query) => usage.readUsage({ ...query, to: new Date(query.to.getTime() + 1) }) }),
  ),

  broken('reads all names', 'reads several scopes, and only names that were asked for', (usage) => ({
    readUsage: ({ names: _, ...query }) => usage.readUsage(query),
  })),

  broken('sums names together', 'sums several scopes by instant and name', (usage) => ({
    sumUsage: async (query) => (await usage.sumUsage(query)).map((sum) => ({ ...sum, name: 'a' })),
  })),

  broken('sums the first scope', 'sums several scopes by instant and name', (usage) => ({
    sumUsage: (query) => usage.sumUsage({ ...query, scopes: query.scopes.slice(0, 1) }),
  })),

  broken('ranks ties as they come', 'ranks names by their requests, and ties by name', (usage) => ({
    async rankUsage(query) {
      const ranked = await usage.rankUsage({ ...query, limit: 1_000 })
      return [...ranked]
        .reverse()
        .sort((one, other) => other.requests - one.requests)
        .slice(0, query.limit)
    },
  })),

  broken('ranks all that was counted', 'ranks within scopes, and only names that were asked for', (usage) => ({
    rankUsage: ({ names: _, ...query }) => usage.rankUsage(query),
  })),

  broken('finds the first label', 'finds the latest label of names within scopes', (usage) => ({
    findLabels: (query) => usage.findLabels({ ...query, to: new Date(query.from.getTime() + 60_000) }),
  })),

  broken('counts keys of all owners', 'counts the keys that apps were used with', (usage) => ({
    countAppKeys: (query) => usage.countAppKeys({ ...query, owner: undefined }),
  })),

  broken(
    'removes all at once',
    'removes rows of an interval that are old enough, at most so many at a time',
    (usage) => ({
      purgeUsage: (interval, before) => usage.purgeUsage(interval, before, 10_000),
    }),
  ),

  broken(
    'forgets writers with any purge',
    'remembers a writer until minutes are purged that are later than its last batch',
    (usage) => {
      let purges = 0
      return {
        addUsage: (batch) => usage.addUsage({ ...batch, writer: `${batch.writer} ${purges}` }),
        purgeUsage(...purge) {
          purges += 1
          return usage.purgeUsage(...purge)
        },
      }
    },
  ),
]

function broken(name: string, caughtBy: string, breakIt: (usage: UsageStore) => Partial<UsageStore>): BrokenStore {
  return {
    name,
    caughtBy,
    create(clock: Clock) {
      const store = memory({ losesDataOnExit: true, clock })
      const usage = store.usage as UsageStore
      return { ...store, usage: { ...methodsOf(usage), ...breakIt(usage) } }
    },
  }
}

function methodsOf(usage: UsageStore): UsageStore {
  return {
    addUsage: (batch) => usage.addUsage(batch),
    readUsage: (query) => usage.readUsage(query),
    sumUsage: (query) => usage.sumUsage(query),
    rankUsage: (query) => usage.rankUsage(query),
    findLabels: (query) => usage.findLabels(query),
    countAppKeys: (query) => usage.countAppKeys(query),
    purgeUsage: (...purge) => usage.purgeUsage(...purge),
  }
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0))
}
