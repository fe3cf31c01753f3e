import { type Command, Option } from 'commander'
import type { Ranking, UsageCounts, UsageGroup, UsagePoint, UsageReport } from '../index.ts'
import { exitCodes } from './failure.ts'
import { readInstant, showExactly } from './instant.ts'
import { collect, readWhole, type Session, type Work, withKeyward } from './session.ts'
import { type Column, fieldsText, tableText } from './table.ts'

const MAX_GROUPS = 100
/** Columns of the longest bar. */
const BAR_CHARACTERS = 30

interface StretchOptions {
  readonly owner?: string
  readonly from?: string
  readonly to?: string
  readonly limit: string
}

interface UsageOptions extends StretchOptions {
  readonly key?: readonly string[]
  readonly interval?: UsageReport['interval']
  readonly by?: 'key' | 'route' | 'app'
}

/** Adds `usage` and `usage apps`. */
export function addUsageCommands(program: Command, session: Session): void {
  const usage = addStretch(program.command('usage'), '20')
    // `usage apps` has options of the same names.
    .enablePositionalOptions()
    .summary('show who uses what, and the apps with the most requests')
    .description(
      'Shows what was used: totals, a series, and what they are made of. Of everybody, an owner, or some keys; of the last day unless --from says otherwise. Servers write what they count within 5 seconds.',
    )
    .option('-k, --key <id>', 'only this key; may be repeated', collect)
    .addOption(
      new Option('--interval <length>', 'points of the series; default: by how long it is').choices([
        'minute',
        'hour',
        'day',
      ]),
    )
    .addOption(new Option('--by <what>', 'tell them apart').choices(['key', 'route', 'app']))
    .addHelpText(
      'after',
      `
Examples:
  $ keyward usage
  $ keyward usage --owner acme --from 30d --by key
  $ keyward usage --key key_01JD… --from 2h --interval minute --json
  $ keyward usage apps --from 7d`,
    )
    .action((options: UsageOptions, command: Command) =>
      withKeyward(session, command, 'read', async (work) => {
        const { owner, key, interval, by } = options
        const limit = readWhole('--limit', options.limit, [1, MAX_GROUPS])
        const asked = {
          owner,
          interval,
          by,
          limit,
          ...stretchOf(options),
          ...(key !== undefined && { keyIds: [...key] }),
        }
        const report = await work.keyward.usage.read(asked, work.context)
        if (work.isJson) await work.json(report)
        else await showReport(work, report, by)
        return exitCodes.ok
      }),
    )

  addStretch(usage.command('apps'), '50')
    .summary('rank apps by their requests')
    .description(
      'Ranks the apps that callers say they are (Referer, X-Title) by their requests, beside the stretch of time before.',
    )
    .addHelpText('after', '\nExamples:\n  $ keyward usage apps\n  $ keyward usage apps --from 7d --owner acme --json')
    .action((options: StretchOptions, command: Command) =>
      withKeyward(session, command, 'read', async (work) => {
        const limit = readWhole('--limit', options.limit, [1, MAX_GROUPS])
        const asked = { owner: options.owner, limit, ...stretchOf(options) }
        const rankings = await work.keyward.usage.rankings(asked, work.context)
        if (work.isJson) await work.json(rankings)
        else if (rankings.items.length === 0) await work.terminal.say('No app has sent requests in that time.\n')
        else await work.terminal.out(tableText(work.terminal, rankingColumns(work), rankings.items))
        return exitCodes.ok
      }),
    )
}

function addStretch(command: Command, limit: string): Command {
  return command
    .option('-o, --owner <owner>', 'only what the keys of this owner used')
    .option('--from <when>', 'since when: an instant, or a time ago such as 7d; default 24 hours before --to')
    .option('--to <when>', 'until when: an instant, or a time ago; default now')
    .option('-l, --limit <number>', `how many to tell apart: 1 to ${MAX_GROUPS}`, limit)
}

function stretchOf({ from, to }: Pick<StretchOptions, 'from' | 'to'>) {
  const nowMs = Date.now()
  return {
    ...(from !== undefined && { from: readInstant('--from', from, 'back', nowMs) }),
    ...(to !== undefined && { to: readInstant('--to', to, 'back', nowMs) }),
  }
}

async function showReport({ terminal }: Work, report: UsageReport, by: string | undefined): Promise<void> {
  const { totals, overhead } = report
  await terminal.out(
    fieldsText(terminal, [
      ['From', showExactly(report.from)],
      ['To', showExactly(report.to)],
      ['Requests', String(totals.requests)],
      ['Succeeded', share(totals.succeeded, totals)],
      ['Redirected', share(totals.redirected, totals)],
      ['Client errors', `${share(totals.clientErrors, totals)}, ${totals.refused} of them refused by keyward`],
      ['Server errors', share(totals.serverErrors, totals)],
      ['Credits', String(totals.credits)],
      ...(overhead === null
        ? []
        : [
            [
              'In keyward',
              `${overhead.p50Microseconds} µs for half of them, ${overhead.p95Microseconds} µs for 95 %`,
            ] as const,
          ]),
    ]),
  )
  if (totals.requests === 0) return
  const begun = report.series.findIndex(({ requests }) => requests > 0)
  await terminal.out(`\n${tableText(terminal, seriesColumns(report), report.series.slice(begun))}`)
  if (by === undefined) return
  await terminal.out(`\n${tableText(terminal, groupColumns(by), report.groups)}`)
}

function share(count: number, { requests }: UsageCounts): string {
  return requests === 0 || count === 0 ? String(count) : `${count} (${((count / requests) * 100).toFixed(1)} %)`
}

const counts: readonly Column<UsageCounts>[] = [
  { title: 'requests', text: ({ requests }) => String(requests), align: 'right' },
  { title: 'refused', text: ({ refused }) => String(refused), align: 'right' },
  { title: '4xx', text: ({ clientErrors }) => String(clientErrors), align: 'right' },
  { title: '5xx', text: ({ serverErrors }) => String(serverErrors), align: 'right' },
  { title: 'credits', text: ({ credits }) => String(credits), align: 'right' },
]

function seriesColumns({ series, interval }: UsageReport): readonly Column<UsagePoint>[] {
  const most = Math.max(...series.map(({ requests }) => requests), 1)
  const characters = interval === 'day' ? 10 : 16
  return [
    { title: `${interval} (utc)`, text: ({ at }) => at.toISOString().slice(0, characters).replace('T', ' ') },
    ...counts,
    { title: '', text: ({ requests }) => '█'.repeat(Math.ceil((requests / most) * BAR_CHARACTERS)) },
  ]
}

function groupColumns(by: string): readonly Column<UsageGroup>[] {
  return [
    { title: by, text: ({ name }) => name || '(none)', maxCharacters: 40 },
    ...(by === 'route'
      ? []
      : [{ title: by === 'key' ? 'name' : 'title', text: ({ label }: UsageGroup) => label ?? '-' }]),
    ...counts,
  ]
}

function rankingColumns({ terminal }: Work): readonly Column<Ranking>[] {
  return [
    { title: '#', text: ({ rank }) => String(rank), align: 'right' },
    { title: 'app', text: ({ app }) => app, maxCharacters: 40 },
    { title: 'title', text: ({ title }) => title ?? '-' },
    { title: 'requests', text: ({ requests }) => String(requests), align: 'right' },
    {
      title: 'change',
      text: ({ change }) => (change === null ? 'new' : `${change >= 0 ? '+' : ''}${Math.round(change * 100)} %`),
      paint: (text, { change }) => terminal.style(change !== null && change < 0 ? 'red' : 'green', text),
      align: 'right',
    },
    { title: 'credits', text: ({ credits }) => String(credits), align: 'right' },
    { title: 'keys', text: ({ keys }) => String(keys), align: 'right' },
  ]
}
