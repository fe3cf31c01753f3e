import type { Command } from 'commander'
import type { Key, KeyState } from '../index.ts'
import { readSecret } from './confirm.ts'
import { CommandFailure, exitCodes } from './failure.ts'
import { keyColumns, keyText } from './key-view.ts'
import { type ListOptions, listPages } from './paged-list.ts'
import { type Session, type Work, withKeyward } from './session.ts'

/** States that a list may ask for. */
const states: readonly KeyState[] = ['active', 'scheduled', 'disabled', 'revoked', 'expired', 'deleted']

interface KeyListOptions extends ListOptions {
  readonly owner?: string
  readonly state?: string
}

/** Adds `keys list` and `keys show`. */
export function addLookCommands(keys: Command, session: Session): void {
  keys
    .command('list')
    .summary('list keys, newest first')
    .description('Lists keys, newest first. Deleted ones only with --state deleted.')
    .option('-o, --owner <owner>', 'only keys of this owner')
    .option('--state <state>', `only keys in this state: ${states.join(', ')}`)
    .option('-l, --limit <number>', 'how many: 1 to 1000000', '50')
    .option('--all', 'all of them')
    .option('--cursor <cursor>', 'go on where a list ended')
    .addHelpText(
      'after',
      `
Examples:
  $ keyward keys list
  $ keyward keys list --owner acme --state active
  $ keyward keys list --all --json | jq -r '.items[] | select(.lastUsedAt == null) | .id'`,
    )
    .action((options: KeyListOptions, command: Command) =>
      withKeyward(session, command, 'read', async (work) => {
        const { owner } = options
        const state = readState(options.state)
        const view = { columns: keyColumns(work.terminal), empty: 'There are no such keys.' }
        await listPages(work, options, view, (page) => work.keyward.keys.list({ owner, state, ...page }, work.context))
        return exitCodes.ok
      }),
    )

  keys
    .command('show')
    .argument('[id]', 'id of the key; none with --stdin')
    .summary('show a key, by its id or by the key itself')
    .description(
      'Shows a key with what is left of its limits. With --stdin the key itself is read from stdin: for one that was found where it should not be.',
    )
    .option('--stdin', 'find the key whose value is read from stdin')
    .addHelpText(
      'after',
      `
Examples:
  $ keyward keys show key_01JD…
  $ keyward keys show --stdin < leaked.txt
  $ pbpaste | keyward keys show --stdin --json | jq -r .id`,
    )
    .action((id: string | undefined, options: { readonly stdin?: boolean }, command: Command) =>
      withKeyward(session, command, 'read', async (work) => {
        const key = await findKey(work, id, options.stdin ?? false)
        if (work.isJson) await work.json(key)
        else await work.terminal.out(keyText(work.terminal, key, await limitsOf(work, key)))
        return exitCodes.ok
      }),
    )
}

async function findKey(work: Work, id: string | undefined, isSecret: boolean): Promise<Key> {
  if (isSecret === (id !== undefined))
    throw new CommandFailure('Name a key by its id, or give the key itself with --stdin.', exitCodes.usage)
  if (id === undefined) return work.keyward.keys.find(await readSecret(work.terminal, 'The key'), work.context)
  return work.keyward.keys.get(id, work.context)
}

/** Windows that live in a server's memory are not to be seen from here. */
async function limitsOf({ keyward, versions, context }: Work, key: Key) {
  if (versions === 'process' || key.policies.length === 0 || key.state === 'deleted') return []
  return keyward.limits.read(key.id, context).catch(() => [])
}

function readState(text: string | undefined): KeyState | undefined {
  const state = states.find((known) => known === text)
  if (text !== undefined && state === undefined)
    throw new CommandFailure(`--state must be one of ${states.join(', ')}.`, exitCodes.usage)
  return state
}
