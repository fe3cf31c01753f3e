import { type Command, Option } from 'commander'
import type { AuditEntry, AuditVerification } from '../index.ts'
import { CommandFailure, exitCodes } from './failure.ts'
import { readInstant } from './instant.ts'
import { type ListOptions, listPages } from './paged-list.ts'
import { type Session, type Work, withKeyward } from './session.ts'
import { type Column, tableText } from './table.ts'
import type { Terminal } from './terminal.ts'

interface FilterOptions {
  readonly owner?: string
  readonly key?: string
  readonly action?: string
  readonly from?: string
  readonly to?: string
}

/** The most chains that one call verifies. */
const MAX_OWNERS = 100_000

/** Adds `audit list`, `export` and `verify`. */
export function addAuditCommands(program: Command, session: Session): void {
  const audit = program
    .command('audit')
    .summary('list, export and verify what was done')
    .description(
      'Reads what was done to keys, policies and credits, by whom and when, and checks that nobody changed it.',
    )

  addFilters(audit.command('list'))
    .summary('list entries, newest first')
    .description('Lists entries, newest first: of one owner, or of all.')
    .option('-l, --limit <number>', 'how many: 1 to 1000000', '50')
    .option('--all', 'all of them')
    .option('--cursor <cursor>', 'go on where a list ended')
    .addHelpText(
      'after',
      `
Examples:
  $ keyward audit list --owner acme --from 7d
  $ keyward audit list --action key.revoked --json | jq -r '.items[].actor'
  $ keyward audit list --key key_01JD… --all`,
    )
    .action((options: FilterOptions & ListOptions, command: Command) =>
      withKeyward(session, command, 'read', async (work) => {
        const view = { columns: entryColumns(work.terminal), empty: 'There are no such entries.' }
        const filters = readFilters(options)
        await listPages(work, options, view, (page) => work.keyward.audit.list({ ...filters, ...page }, work.context))
        return exitCodes.ok
      }),
    )

  addFilters(audit.command('export'))
    .summary('write entries to stdout')
    .description(
      'Writes entries to stdout, newest first, as JSON Lines or CSV (RFC 4180, no cell of which a spreadsheet takes for a formula). Any number: it holds no more than 500.',
    )
    .addOption(new Option('-f, --format <format>', 'how they are written').choices(['jsonl', 'csv']).default('jsonl'))
    .addHelpText(
      'after',
      `
Examples:
  $ keyward audit export --from 2026-01-01 --to 2027-01-01 --format csv > audit-2026.csv
  $ keyward audit export --owner acme | gzip > acme.jsonl.gz`,
    )
    .action((options: FilterOptions & { readonly format: 'jsonl' | 'csv' }, command: Command) =>
      withKeyward(session, command, 'read', async (work) => {
        await exportEntries(work, options)
        return exitCodes.ok
      }),
    )

  audit
    .command('verify')
    .summary('check that no entry was changed or removed')
    .description(
      "Walks the hash chains of owners, and names the first link that is broken. Without --owner, all owners' and the one of what belongs to no owner. Exit code 1 where one is broken.",
    )
    .option('-o, --owner <owner>', 'only this owner\'s chain; "" for what belongs to no owner')
    .addHelpText('after', '\nExamples:\n  $ keyward audit verify\n  $ keyward audit verify --owner acme --json')
    .action((options: { readonly owner?: string }, command: Command) =>
      withKeyward(session, command, 'read', async (work) => {
        const found = await verifyChains(work, options.owner)
        const broken = found.filter(({ isIntact }) => !isIntact)
        if (work.isJson) await work.json({ items: found })
        else await showVerified(work, found, broken)
        return broken.length === 0 ? exitCodes.ok : exitCodes.failed
      }),
    )
}

function addFilters(command: Command): Command {
  return command
    .option('-o, --owner <owner>', 'only entries of this owner; "" for what belongs to no owner')
    .option('-k, --key <id>', 'only entries about this key')
    .option('--action <action>', 'only this action, such as key.revoked')
    .option('--from <when>', 'not before: an instant, or a time ago such as 7d')
    .option('--to <when>', 'before: an instant, or a time ago')
}

function readFilters({ owner, key: keyId, action, from, to }: FilterOptions) {
  const nowMs = Date.now()
  return {
    owner,
    keyId,
    action,
    ...(from !== undefined && { from: readInstant('--from', from, 'back', nowMs) }),
    ...(to !== undefined && { to: readInstant('--to', to, 'back', nowMs) }),
  }
}

async function exportEntries(work: Work, options: FilterOptions & { readonly format: 'jsonl' | 'csv' }): Promise<void> {
  const { terminal } = work
  let bytes = 0
  const input = { ...readFilters(options), format: options.format }
  for await (const part of work.keyward.audit.export(input, work.context)) {
    await work.checkInterrupted()
    await terminal.out(part)
    bytes += part.length
    if (!terminal.isScreen) terminal.progress(`Exported ${Math.round(bytes / 1_024)} kB`)
  }
}

async function verifyChains(work: Work, owner: string | undefined): Promise<readonly AuditVerification[]> {
  const owners = owner === undefined ? await ownersOf(work) : [owner]
  const found: AuditVerification[] = []
  for (const [index, each] of owners.entries()) {
    await work.checkInterrupted()
    work.terminal.progress(`Verified ${index} of ${owners.length} chains`)
    found.push(await work.keyward.audit.verify({ owner: each }, work.context))
  }
  return found
}

/** Owners that have entries, and the chain that belongs to none. @throws {CommandFailure} When they are too many. */
async function ownersOf({ store }: Work): Promise<readonly string[]> {
  const owners = await store.listAuditOwners(END_OF_TIME, MAX_OWNERS)
  if (owners.length === MAX_OWNERS)
    throw new CommandFailure(`There are more than ${MAX_OWNERS - 1} owners: verify them one by one, with --owner.`)
  return [...owners].sort()
}

/** Later than any entry. */
const END_OF_TIME = new Date(Date.UTC(9_999, 11, 31))

async function showVerified(
  { terminal }: Work,
  found: readonly AuditVerification[],
  broken: readonly AuditVerification[],
): Promise<void> {
  if (found.length === 0) return terminal.say('There are no entries yet.\n')
  await terminal.out(tableText(terminal, verificationColumns(terminal), found))
  const entries = found.reduce((sum, { headSequence, anchorSequence }) => sum + headSequence - anchorSequence, 0)
  await terminal.say(
    broken.length === 0
      ? `\n${terminal.styleSaid('green', 'Intact:')} ${entries} entries in ${found.length === 1 ? 'one chain' : `${found.length} chains`}.\n`
      : `\n${terminal.styleSaid('red', 'Broken:')} ${broken.length} of ${found.length} chains.\n`,
  )
}

function verificationColumns(terminal: Terminal): readonly Column<AuditVerification>[] {
  return [
    { title: 'owner', text: ({ owner }) => owner || '(no owner)' },
    { title: 'entries', text: ({ anchorSequence, headSequence }) => `${anchorSequence + 1}-${headSequence}` },
    {
      title: 'chain',
      text: ({ broken }) => (broken === null ? 'intact' : `#${broken.sequence} ${broken.fault.replaceAll('_', ' ')}`),
      paint: (text, { isIntact }) => terminal.style(isIntact ? 'green' : 'red', text),
    },
    { title: 'head', text: ({ headHash }) => headHash, maxCharacters: 16 },
  ]
}

function entryColumns(terminal: Terminal): readonly Column<AuditEntry>[] {
  return [
    { title: 'at (utc)', text: ({ at }) => at.toISOString().slice(0, 19).replace('T', ' ') },
    {
      title: 'action',
      text: ({ action }) => action,
      paint: (text, { action }) => terminal.style(/revoked|deleted|purged|refused/.test(action) ? 'red' : 'cyan', text),
    },
    { title: 'owner', text: ({ owner }) => owner || '-', maxCharacters: 20 },
    { title: 'key', text: ({ keyId }) => keyId ?? '-' },
    { title: 'actor', text: ({ actor }) => actor ?? '(application)', maxCharacters: 20 },
    { title: 'address', text: ({ address }) => address ?? '-' },
    { title: '#', text: ({ sequence }) => String(sequence), align: 'right' },
  ]
}
