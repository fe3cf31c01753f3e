import { MAX_CREDITS } from '../../model/ledger.ts'
import { countsOf } from '../../model/usage-counts.ts'
import type { UsageRow, UsageStore } from '../../model/usage-store.ts'
import { expectEqual } from '../expectations.ts'
import type { KeyStoreCase } from '../key-store/key-store-case.ts'
import { minute, sampleBatch, sampleRow } from './usage-samples.ts'
import { usageCase } from './usage-store-case.ts'

const ALL = { kind: 'all' } as const
const DAY = { from: minute(0), to: minute(1_440) }

/** How counts are added. */
export const addingCases: readonly KeyStoreCase[] = [
  usageCase('returns a row as it was added', async (usage) => {
    const row = sampleRow({
      ...{ scope: { kind: 'key', keyId: 'key_1' }, owner: 'açme \u{1f511}', by: 'app', name: "it's \\ 100 % über" },
      ...{ label: 'Ünder "the" title', requests: 9, refused: 1, succeeded: 2, redirected: 3, clientErrors: 1 },
      ...{ serverErrors: 3, credits: MAX_CREDITS - 1 },
    })
    await usage.addUsage(sampleBatch([row]))
    expectEqual(await read(usage, row), [row], 'rows')
  }),

  usageCase('adds to what is there, whichever writer it is from', async (usage) => {
    const row = sampleRow({
      requests: 5,
      refused: 1,
      succeeded: 1,
      redirected: 1,
      clientErrors: 2,
      serverErrors: 1,
      credits: 7,
    })
    await usage.addUsage(sampleBatch([row]))
    await usage.addUsage(sampleBatch([row]))
    const twice = {
      requests: 10,
      refused: 2,
      succeeded: 2,
      redirected: 2,
      clientErrors: 4,
      serverErrors: 2,
      credits: 14,
    }
    expectEqual((await read(usage, row)).map(countsOf), [twice], 'counts')
  }),

  usageCase('ends credits at 2^53 - 1', async (usage) => {
    for (const credits of [MAX_CREDITS - 1, 5, MAX_CREDITS]) await usage.addUsage(sampleBatch([sampleRow({ credits })]))
    expectEqual(
      (await read(usage, sampleRow())).map(({ credits }) => credits),
      [MAX_CREDITS],
      'credits',
    )
    await usage.addUsage(sampleBatch([sampleRow({ at: minute(1), credits: MAX_CREDITS })]))
    const query = { interval: 'minute', by: 'none', scopes: [ALL], ...DAY, limit: 1 } as const
    expectEqual(
      (await usage.rankUsage(query)).map(({ credits }) => credits),
      [MAX_CREDITS],
      'credits in a sum',
    )
    await usage.addUsage(
      sampleBatch([sampleRow({ scope: { kind: 'key', keyId: 'key_1' }, owner: 'acme', credits: 5 })]),
    )
    expectEqual(
      (await usage.sumUsage({ ...query, scopes: [ALL, { kind: 'key', keyId: 'key_1' }] })).map(
        ({ credits }) => credits,
      ),
      [MAX_CREDITS],
      'credits in a sum of scopes',
    )
  }),

  usageCase('counts a batch that is sent twice once, also after others', async (usage, reopen) => {
    const batch = sampleBatch([sampleRow()])
    await usage.addUsage(batch)
    await usage.addUsage(batch)
    await (await reopen()).addUsage(batch)
    await usage.addUsage({ ...batch, sequence: 2 })
    await usage.addUsage(batch)
    expectEqual(await requests(usage), 2, 'requests')
  }),

  usageCase('counts a batch once that several send at once', async (usage, reopen) => {
    const stores = [usage, await reopen()]
    const batch = sampleBatch(Array.from({ length: 300 }, (_, at) => sampleRow({ by: 'route', name: `route ${at}` })))
    await Promise.all([0, 1, 2, 3].map((index) => stores[index % 2]?.addUsage(batch)))
    const rows = await read(usage, sampleRow({ by: 'route' }))
    expectEqual(
      [rows.length, rows.filter((row) => row.requests === 1).length],
      [300, 300],
      'rows, and those of 1 request',
    )
  }),

  usageCase('counts an empty batch as one that was added', async (usage) => {
    const batch = sampleBatch([])
    await usage.addUsage(batch)
    await usage.addUsage({ ...batch, rows: [sampleRow()] })
    expectEqual(await requests(usage), 0, 'requests')
  }),

  usageCase('loses nothing of what several writers add at once to the same rows', async (usage, reopen) => {
    const stores = [usage, await reopen()]
    const names = Array.from({ length: 40 }, (_, at) => `app ${at}`)
    const send = async (writer: number) => {
      for (let sequence = 1; sequence <= 5; sequence += 1) {
        const rows = names.map((name) => sampleRow({ by: 'app', name }))
        // Each in an order of its own: a store that locks rows as they come would wait in a circle.
        if (writer % 2 === 1) rows.reverse()
        await stores[writer % 2]?.addUsage(sampleBatch(rows, { writer: `at once ${writer}`, sequence }))
      }
    }
    await Promise.all([0, 1, 2, 3].map(send))
    const rows = await read(usage, sampleRow({ by: 'app' }))
    expectEqual(
      rows.map((row) => row.requests),
      names.map(() => 20),
      'requests of each app',
    )
  }),

  usageCase('takes 5,000 rows at once', async (usage) => {
    const rows = Array.from({ length: 5_000 }, (_, at) => sampleRow({ by: 'route', name: `route ${at}` }))
    await usage.addUsage(sampleBatch(rows))
    expectEqual((await read(usage, sampleRow({ by: 'route' }))).length, 5_000, 'rows')
  }),

  usageCase('keeps the latest label, and what it has where none is given', async (usage) => {
    const row = sampleRow({ by: 'app', name: 'app' })
    for (const label of ['first', 'second', null]) await usage.addUsage(sampleBatch([{ ...row, label }]))
    expectEqual(
      (await read(usage, row)).map(({ label }) => label),
      ['second'],
      'labels',
    )
  }),

  usageCase('keeps intervals, scopes, dimensions and names apart', async (usage) => {
    const rows = [
      sampleRow(),
      sampleRow({ interval: 'hour' }),
      sampleRow({ interval: 'day' }),
      sampleRow({ scope: { kind: 'owner', owner: 'acme' } }),
      sampleRow({ scope: { kind: 'owner', owner: 'Acme' } }),
      sampleRow({ scope: { kind: 'owner', owner: 'all' } }),
      sampleRow({ scope: { kind: 'owner', owner: '' } }),
      sampleRow({ scope: { kind: 'key', keyId: 'acme' }, owner: 'acme' }),
      sampleRow({ by: 'key' }),
      sampleRow({ by: 'route' }),
      sampleRow({ by: 'app' }),
      sampleRow({ by: 'overhead' }),
      sampleRow({ by: 'app', name: 'é' }),
      sampleRow({ by: 'app', name: 'e\u0301' }),
      sampleRow({ by: 'app', name: 'É' }),
      sampleRow({ by: 'app', name: 'e ' }),
      sampleRow({ by: 'app', name: 'e' }),
      sampleRow({ at: minute(1) }),
    ]
    await usage.addUsage(sampleBatch(rows))
    for (const row of rows) {
      const found = await read(usage, row, { from: row.at, to: new Date(row.at.getTime() + 1) })
      expectEqual(
        found.filter(({ name }) => name === row.name),
        [row],
        'rows',
      )
    }
  }),
]

function read(usage: UsageStore, like: UsageRow, range = DAY): Promise<readonly UsageRow[]> {
  return usage.readUsage({ interval: like.interval, by: like.by, scopes: [like.scope], ...range, limit: 100_000 })
}

async function requests(usage: UsageStore): Promise<number> {
  return (await read(usage, sampleRow())).reduce((sum, row) => sum + row.requests, 0)
}
