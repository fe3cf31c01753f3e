import type { Command } from 'commander'
import type { BulkAction, BulkResult, ChangedKey, Key } from '../index.ts'
import { confirm } from './confirm.ts'
import { CommandFailure, type ExitCode, exitCodes } from './failure.ts'
import { fenceCode, fenceText } from './fence-text.ts'
import { withVersion } from './issue-commands.ts'
import { type Session, type Work, withKeyward } from './session.ts'
import { visible } from './visible-text.ts'

/** How many keys one call changes, between two signs of progress. */
const BATCH = 100

interface EndOptions {
  readonly owner?: string
  readonly yes?: boolean
  readonly ifVersion?: string
}

/** What is said of an action that ends or pauses keys. */
interface Wording {
  readonly action: BulkAction
  readonly summary: string
  readonly description: string
  /** What was done, of one key. */
  readonly done: string
  /** Whether it is asked about first. */
  readonly isAsked: boolean
}

const wordings: readonly Wording[] = [
  {
    action: 'revoke',
    summary: 'stop keys for good; they stay listed',
    description: 'Stops keys for good. They stay listed, and cannot work again. Revoking twice changes nothing.',
    done: 'Revoked',
    isAsked: true,
  },
  {
    action: 'disable',
    summary: 'stop keys until they are enabled',
    description: 'Stops keys until they are enabled again.',
    done: 'Disabled',
    isAsked: false,
  },
  {
    action: 'enable',
    summary: 'let disabled keys work again',
    description: 'Lets disabled keys work again.',
    done: 'Enabled',
    isAsked: false,
  },
  {
    action: 'delete',
    summary: 'stop keys and take them off the lists',
    description:
      "Stops keys for good and takes them off the lists. They are kept for audit, unless the servers have keys.onDelete: 'purge'.",
    done: 'Deleted',
    isAsked: true,
  },
  {
    action: 'purge',
    summary: 'stop keys and remove their rows',
    description:
      'Stops keys for good and removes their rows. Their audit entries stay. Deleted keys are purged by their ids.',
    done: 'Purged',
    isAsked: true,
  },
]

/** Adds `keys revoke`, `disable`, `enable`, `delete` and `purge`. */
export function addEndCommands(keys: Command, session: Session): void {
  for (const wording of wordings) {
    const { action, isAsked } = wording
    const command = keys
      .command(action)
      .argument('[id...]', 'ids of the keys')
      .summary(wording.summary)
      .description(`${wording.description}${isAsked ? ' Asks first; where nobody can be asked, --yes is needed.' : ''}`)
      .option('-o, --owner <owner>', 'all keys of this owner, instead of ids')
      .option('--if-version <version>', 'only if the key (one) has this version')
      .addHelpText('after', exampleOf(action))
    if (isAsked) command.option('-y, --yes', 'do not ask')
    command.action((ids: readonly string[], options: EndOptions, self: Command) =>
      withKeyward(session, self, 'change', (work) => end(work, wording, ids, options)),
    )
  }
}

async function end(work: Work, wording: Wording, ids: readonly string[], options: EndOptions): Promise<ExitCode> {
  const { owner } = options
  if ((owner === undefined) === (ids.length === 0))
    throw new CommandFailure('Name keys by their ids, or all keys of an owner with --owner.', exitCodes.usage)
  const [only] = ids
  if (owner === undefined && ids.length === 1 && only !== undefined) return endOne(work, wording, only, options)
  if (options.ifVersion !== undefined) throw new CommandFailure('--if-version takes one key.', exitCodes.usage)
  const chosen = owner === undefined ? [...new Set(ids)] : await idsOf(work, owner, wording.action)
  return endMany(work, wording, chosen, options)
}

async function endOne(
  work: Work,
  { action, done, isAsked }: Wording,
  id: string,
  options: EndOptions,
): Promise<ExitCode> {
  const { keyward, terminal } = work
  const key = await keyward.keys.get(id, work.context)
  if (isAsked)
    await confirm(
      terminal,
      options.yes ?? false,
      `${capital(action)} ${named(key)} of ${key.owner}?`,
      action === 'purge' ? key.name : undefined,
    )
  const changed: ChangedKey = await keyward.keys[action](id, withVersion(work, options.ifVersion))
  if (work.isJson) await work.json(changed)
  else await terminal.out(`${done} ${visible(named(key))}. ${fenceText(work, changed.fenced)}\n`)
  return fenceCode(changed.fenced)
}

async function endMany(work: Work, wording: Wording, ids: readonly string[], options: EndOptions): Promise<ExitCode> {
  const { terminal } = work
  const { action, done } = wording
  if (wording.isAsked && ids.length > 0) {
    const whose = options.owner === undefined ? `${ids.length} keys` : `all ${ids.length} keys of ${options.owner}`
    await confirm(
      terminal,
      options.yes ?? false,
      `${capital(action)} ${whose}?`,
      action === 'purge' ? String(ids.length) : undefined,
    )
  }
  const results: BulkResult[] = []
  for (let from = 0; from < ids.length; from += BATCH) {
    await work.checkInterrupted()
    terminal.progress(`${done} ${from} of ${ids.length} keys`)
    results.push(...(await work.keyward.keys.bulk(action, { ids: ids.slice(from, from + BATCH) }, work.context)))
  }
  const failed = results.filter(({ ok }) => !ok)
  const isFenced = results.every((result) => !result.ok || result.fenced)
  if (work.isJson) await work.json({ items: results })
  else
    await terminal.out(
      `${done} ${keysText(results.length - failed.length)}. ${results.length > failed.length ? fenceText(work, isFenced) : ''}`.trim() +
        '\n',
    )
  for (const result of failed) if (!result.ok) await terminal.say(`${visible(result.id)}: ${result.code}\n`)
  return failed.length > 0 ? exitCodes.failed : fenceCode(isFenced)
}

/** Keys of an owner that the action can change. */
async function idsOf(work: Work, owner: string, action: BulkAction): Promise<readonly string[]> {
  const ids: string[] = []
  let cursor: string | undefined
  do {
    await work.checkInterrupted()
    const page = await work.keyward.keys.list({ owner, limit: 100, cursor }, work.context)
    for (const { id, state } of page.items) if (isMeant(action, state)) ids.push(id)
    work.terminal.progress(`Found ${ids.length} keys`)
    cursor = page.nextCursor ?? undefined
  } while (cursor !== undefined)
  return ids
}

function isMeant(action: BulkAction, state: Key['state']): boolean {
  if (action === 'delete' || action === 'purge') return true
  if (action === 'enable') return state === 'disabled'
  if (action === 'disable') return state !== 'revoked' && state !== 'disabled'
  return state !== 'revoked'
}

function named({ id, name }: Key): string {
  return `${id} (${name})`
}

function keysText(count: number): string {
  return count === 1 ? '1 key' : `${count} keys`
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1)
}

function exampleOf(action: BulkAction): string {
  const asked = action === 'revoke' || action === 'delete' || action === 'purge'
  return `
Examples:
  $ keyward keys ${action} key_01JD…
  $ keyward keys ${action} --owner acme${asked ? ' --yes' : ''}

The exit code is 5 where the change is stored and the gate has not taken its fence yet.`
}
