import { countsOf } from '../../model/usage-counts.ts'
import type { UsageQuery, UsageScope } from '../../model/usage-store.ts'
import { expectEqual } from '../expectations.ts'
import type { KeyStoreCase } from '../key-store/key-store-case.ts'
import { appRow, minute, sampleBatch, sampleRow } from './usage-samples.ts'
import { usageCase } from './usage-store-case.ts'

const ALL = { kind: 'all' } as const
const KEY = { kind: 'key', keyId: 'key_1' } as const
const OTHER_KEY = { kind: 'key', keyId: 'key_2' } as const
const ROUTES = { interval: 'minute', by: 'route', scopes: [ALL], from: minute(0), to: minute(1_440) } as const
const APPS = { interval: 'minute', from: minute(0), to: minute(1_440) } as const

/** How counts are read, and how old ones are removed. */
export const readingCases: readonly KeyStoreCase[] = [
  usageCase(
    'reads from the first instant on and before the last, in order, with gaps where nothing was counted',
    async (usage) => {
      const rows = [5, 0, 3, 9, 10].map((at) => sampleRow({ at: minute(at) }))
      await usage.addUsage(sampleBatch(rows))
      const query = {
        interval: 'minute',
        by: 'none',
        scopes: [ALL],
        from: minute(3),
        to: minute(10),
        limit: 100,
      } as const
      const found = await usage.readUsage(query)
      expectEqual(
        found.map(({ at }) => at),
        [minute(3), minute(5), minute(9)],
        'instants',
      )
      const first = await usage.readUsage({ ...query, limit: 2 })
      expectEqual(
        first.map(({ at }) => at),
        [minute(3), minute(5)],
        'instants of two rows',
      )
      expectEqual(await usage.readUsage({ ...query, from: minute(6), to: minute(9) }), [], 'rows of a gap')
    },
  ),

  usageCase('reads several scopes, and only names that were asked for', async (usage) => {
    const rows = ['a', 'b', 'c'].map((name) => sampleRow({ scope: KEY, owner: 'acme', by: 'route', name }))
    await usage.addUsage(sampleBatch([...rows, ...rows.map((row) => ({ ...row, scope: OTHER_KEY })), sampleRow()]))
    const query = { ...ROUTES, scopes: [KEY, OTHER_KEY], limit: 100 }
    const found = await usage.readUsage({ ...query, names: ['a', 'c', 'none'] })
    const places = found.map(({ scope, name }) => `${scope.kind === 'key' && scope.keyId} ${name}`).sort()
    expectEqual(places, ['key_1 a', 'key_1 c', 'key_2 a', 'key_2 c'], 'scopes and names')
    expectEqual(await usage.readUsage({ ...query, names: [] }), [], 'rows of no names')
    expectEqual((await usage.readUsage({ ...query, scopes: [KEY] })).length, 3, 'rows of one key')
  }),

  usageCase('sums several scopes by instant and name', async (usage) => {
    const rows = [KEY, OTHER_KEY].flatMap((scope) =>
      [0, 1, 2].map((at) => sampleRow({ scope, owner: 'acme', by: 'route', name: 'a', at: minute(at), credits: 3 })),
    )
    const other = sampleRow({ scope: KEY, owner: 'acme', by: 'route', name: 'b', at: minute(1) })
    await usage.addUsage(sampleBatch([...rows, other, sampleRow({ by: 'route', name: 'a' })]))
    const query = { ...ROUTES, scopes: [KEY, OTHER_KEY], limit: 100 }
    const shown = async (more: Partial<UsageQuery>) =>
      (await usage.sumUsage({ ...query, ...more })).map(({ at, name, requests, credits }) =>
        [at.getTime() - minute(0).getTime(), name, requests, credits].join(' '),
      )
    const all = ['0 a 2 6', '60000 a 2 6', '60000 b 1 0', '120000 a 2 6']
    expectEqual((await shown({})).sort(), [...all].sort(), 'sums')
    expectEqual(await shown({ names: ['a', 'none'], to: minute(2) }), all.slice(0, 2), 'sums of a name, of two minutes')
    expectEqual(await shown({ scopes: [KEY], names: ['a'], limit: 1 }), ['0 a 1 3'], 'the first sum of one key')
    expectEqual(await shown({ names: [] }), [], 'sums of no names')
    const counted = sampleRow({ requests: 2, succeeded: 2, credits: 6 })
    const [first] = await usage.sumUsage(query)
    expectEqual(first && countsOf(first), countsOf(counted), 'all counts')
  }),

  usageCase('ranks names by their requests, and ties by name', async (usage) => {
    const row = (name: string, at: number, requests: number) =>
      sampleRow({ by: 'route', name, at: minute(at), requests, succeeded: requests, credits: 2 })
    await usage.addUsage(
      sampleBatch([row('few', 0, 1), row('tie b', 0, 5), row('tie a', 0, 2), row('tie a', 1, 3), row('most', 1, 6)]),
    )
    const ranked = await usage.rankUsage({ ...ROUTES, limit: 100 })
    const shown = ranked.map(({ name, requests, credits }) => [name, requests, credits])
    expectEqual(
      shown,
      [
        ['most', 6, 2],
        ['tie a', 5, 4],
        ['tie b', 5, 2],
        ['few', 1, 2],
      ],
      'names',
    )
    const two = await usage.rankUsage({ ...ROUTES, limit: 2 })
    expectEqual(
      two.map(({ name }) => name),
      ['most', 'tie a'],
      'the first two',
    )
    const later = await usage.rankUsage({ ...ROUTES, from: minute(1), limit: 100 })
    expectEqual(
      later.map(({ name, requests }) => [name, requests]),
      [
        ['most', 6],
        ['tie a', 3],
      ],
      'names of the last minute',
    )
  }),

  usageCase('ranks within scopes, and only names that were asked for', async (usage) => {
    await usage.addUsage(
      sampleBatch([
        appRow('key_1', 'acme', 'app', { requests: 2, succeeded: 2 }),
        appRow('key_1', 'acme', 'app', { at: minute(1) }),
        appRow('key_1', 'acme', 'another'),
        appRow('key_2', 'acme', 'app', { at: minute(3), credits: 5 }),
        appRow('key_3', 'acme', 'app'),
      ]),
    )
    const rank = (scopes: readonly UsageScope[], names?: readonly string[]) =>
      usage.rankUsage({ ...ROUTES, by: 'app', scopes, names, limit: 10 })
    const app = { name: 'app', requests: 3, credits: 0 }
    expectEqual(await rank([KEY]), [app, { name: 'another', requests: 1, credits: 0 }], 'apps of a key')
    expectEqual(await rank([OTHER_KEY, KEY], ['app']), [{ ...app, requests: 4, credits: 5 }], 'the app of two keys')
    expectEqual([await rank([KEY], ['none']), await rank([KEY], [])], [[], []], 'other names')
    expectEqual(await rank([KEY], ['app', 'none']), [app], 'the app by its name')
  }),

  usageCase('finds the latest label of names within scopes', async (usage) => {
    await usage.addUsage(
      sampleBatch([
        appRow('key_1', 'acme', 'app', { label: 'old' }),
        appRow('key_1', 'acme', 'app', { at: minute(1), label: 'new' }),
        appRow('key_1', 'acme', 'app', { at: minute(2) }),
        appRow('key_1', 'acme', 'other', { at: minute(1), label: 'Ünïcödé "1"' }),
        appRow('key_1', 'acme', 'none'),
        appRow('key_2', 'acme', 'app', { at: minute(3), label: 'of another key' }),
        appRow('key_3', 'acme', 'app', { at: minute(4), label: 'of a third' }),
      ]),
    )
    const names = ['app', 'none', 'other', 'nobody']
    const find = async (scopes: readonly UsageScope[], more: Partial<UsageQuery> = {}) => {
      const found = await usage.findLabels({ ...ROUTES, by: 'app', scopes, ...more, names: more.names ?? names })
      return names.map((name) => found.get(name) ?? null)
    }
    expectEqual(await find([KEY]), ['new', null, 'Ünïcödé "1"', null], 'labels of a key')
    expectEqual(await find([OTHER_KEY, KEY]), ['of another key', null, 'Ünïcödé "1"', null], 'labels of two keys')
    expectEqual(await find([KEY, OTHER_KEY], { to: minute(1) }), ['old', null, null, null], 'labels of a minute')
    expectEqual(await find([KEY], { names: ['other'] }), [null, null, 'Ünïcödé "1"', null], 'the label of one name')
    expectEqual(await find([KEY], { names: [] }), [null, null, null, null], 'labels of no names')
  }),

  usageCase('counts the keys that apps were used with', async (usage) => {
    await usage.addUsage(
      sampleBatch([
        appRow('key_1', 'acme', 'app'),
        appRow('key_1', 'acme', 'app', { at: minute(1) }),
        appRow('key_2', 'acme', 'app', { at: minute(1) }),
        appRow('key_3', 'other', 'app'),
        appRow('key_3', 'other', 'another'),
        appRow('key_4', 'other', 'app', { at: minute(2_000) }),
        appRow('key_5', 'other', 'app', { by: 'route' }),
        appRow('key_6', 'other', 'app', { interval: 'hour' }),
        sampleRow({ by: 'app', name: 'app' }),
        sampleRow({ by: 'app', name: 'app', scope: { kind: 'owner', owner: 'acme' } }),
      ]),
    )
    const count = async (owner: string | undefined) => {
      const found = await usage.countAppKeys({ ...APPS, owner, apps: ['app', 'another', 'none'] })
      return ['app', 'another', 'none'].map((app) => found.get(app) ?? 0)
    }
    expectEqual(await count(undefined), [3, 1, 0], 'keys of all')
    expectEqual(await count('acme'), [2, 0, 0], 'keys of acme')
    expectEqual(await count('other'), [1, 1, 0], 'keys of other')
  }),

  usageCase('removes rows of an interval that are old enough, at most so many at a time', async (usage) => {
    const rows = [0, 1, 2, 3].map((at) => sampleRow({ at: minute(at) }))
    await usage.addUsage(sampleBatch([...rows, sampleRow({ interval: 'hour' })]))
    expectEqual(await usage.purgeUsage('minute', minute(3), 2), 2, 'removed')
    expectEqual(await usage.purgeUsage('minute', minute(3), 2), 1, 'removed then')
    expectEqual(await usage.purgeUsage('minute', minute(3), 2), 0, 'removed at last')
    const left = await usage.readUsage({ ...ROUTES, by: 'none', scopes: [ALL], limit: 10 })
    expectEqual(
      left.map(({ at }) => at),
      [minute(3)],
      'rows that are left',
    )
    const hours = await usage.readUsage({ ...ROUTES, interval: 'hour', by: 'none', scopes: [ALL], limit: 10 })
    expectEqual(hours.length, 1, 'rows of hours')
  }),

  usageCase('remembers a writer until minutes are purged that are later than its last batch', async (usage) => {
    const batch = sampleBatch([sampleRow({ at: minute(10) })])
    await usage.addUsage(batch)
    await usage.purgeUsage('minute', minute(0), 10)
    await usage.purgeUsage('hour', minute(60), 10)
    await usage.addUsage(batch)
    const read = () => usage.readUsage({ ...ROUTES, by: 'none', scopes: [ALL], limit: 10 })
    expectEqual(
      (await read()).map(({ requests }) => requests),
      [1],
      'requests',
    )
    await usage.purgeUsage('minute', minute(1), 10)
    await usage.addUsage(batch)
    expectEqual(
      (await read()).map(({ requests }) => requests),
      [2],
      'requests, once the writer is forgotten',
    )
  }),
]
