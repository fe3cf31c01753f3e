import type { Command } from 'commander'
import type { CreditState, CreditTarget, Movement, SetCreditsInput } from '../index.ts'
import { CommandFailure, exitCodes } from './failure.ts'
import { readSeconds, showExactly, showInstant } from './instant.ts'
import { withVersion } from './issue-commands.ts'
import { type ListOptions, listPages } from './paged-list.ts'
import { readWhole, type Session, type Work, withKeyward } from './session.ts'
import { type Column, fieldsText } from './table.ts'
import type { Terminal } from './terminal.ts'
import { visible } from './visible-text.ts'

const MAX_CREDITS = Number.MAX_SAFE_INTEGER

interface AccountOptions {
  readonly owner?: string
  readonly key?: string
}

interface SetOptions extends AccountOptions {
  readonly balance?: string
  readonly refill?: string | false
  readonly every?: string
  readonly mode?: string
  readonly reason?: string
  readonly ifVersion?: string
}

/** Adds `credits show`, `top-up`, `set` and `movements`. */
export function addCreditCommands(program: Command, session: Session): void {
  const credits = program
    .command('credits')
    .summary('read, top up and set credits')
    .description('Reads credits and moves them. An account is the pool of an owner, or whatever a key spends from.')

  addAccount(credits.command('show'))
    .summary('show a balance')
    .description('Shows what an account has, what running requests hold, and its refill.')
    .addHelpText(
      'after',
      '\nExamples:\n  $ keyward credits show --owner acme\n  $ keyward credits show --key key_01JD…',
    )
    .action((options: AccountOptions, command: Command) =>
      withKeyward(session, command, 'read', async (work) => {
        const target = readTarget(options)
        await showState(work, await work.keyward.credits.get(target, work.context))
        return exitCodes.ok
      }),
    )

  addAccount(credits.command('top-up'))
    .argument('<amount>', 'credits to add: a whole number from 1')
    .summary('add credits')
    .description('Adds credits. With --operation-id it may be repeated: the same id adds once.')
    .option('--operation-id <id>', 'id of whatever pays for it')
    .option('--reason <text>', 'why, for people')
    .addHelpText(
      'after',
      `
Examples:
  $ keyward credits top-up --owner acme 500 --reason "Starter pack"
  $ keyward credits top-up --owner acme 500 --operation-id invoice-17    # may be repeated`,
    )
    .action((amount: string, options: AccountOptions & { operationId?: string; reason?: string }, command: Command) =>
      withKeyward(session, command, 'read', async (work) => {
        const input = { amount: readWhole('The amount', amount, [1, MAX_CREDITS]), ...reasonOf(options) }
        const operation = options.operationId === undefined ? {} : { operationId: options.operationId }
        const state = await work.keyward.credits.topUp(readTarget(options), { ...input, ...operation }, work.context)
        await showState(work, state)
        return exitCodes.ok
      }),
    )

  addAccount(credits.command('set'))
    .summary('set a balance, a refill, or both')
    .description('Sets a balance over what is there, a refill, or both. What is not given stays.')
    .option('--balance <number>', 'credits that the account shall have')
    .option('--refill <amount>', 'credits that come by themselves')
    .option('--no-refill', 'end the refill')
    .option('--every <period>', 'when they come: day, month, or a length of time such as 12h', 'month')
    .option('--mode <mode>', 'add them, or raise a lower balance to them: add, to', 'to')
    .option('--reason <text>', 'why, for people')
    .option('--if-version <version>', 'only if the account has this version')
    .addHelpText(
      'after',
      `
Examples:
  $ keyward credits set --owner acme --balance 100 --reason Goodwill
  $ keyward credits set --owner acme --refill 1000 --every month --mode to
  $ keyward credits set --key key_01JD… --no-refill`,
    )
    .action((options: SetOptions, command: Command) =>
      withKeyward(session, command, 'read', async (work) => {
        const context = withVersion(work, options.ifVersion)
        await showState(work, await work.keyward.credits.set(readTarget(options), readSetting(options), context))
        return exitCodes.ok
      }),
    )

  addAccount(credits.command('movements'))
    .summary('list what moved credits, newest first')
    .description('Lists what moved the credits of an account, newest first. The amounts add up to the balance.')
    .option('-l, --limit <number>', 'how many: 1 to 1000000', '50')
    .option('--all', 'all of them')
    .option('--cursor <cursor>', 'go on where a list ended')
    .addHelpText(
      'after',
      '\nExamples:\n  $ keyward credits movements --owner acme\n  $ keyward credits movements --owner acme --all --json',
    )
    .action((options: AccountOptions & ListOptions, command: Command) =>
      withKeyward(session, command, 'read', async (work) => {
        const target = readTarget(options)
        const view = { columns: movementColumns(work.terminal), empty: 'Nothing was ever moved on this account.' }
        await listPages(work, options, view, (page) => work.keyward.credits.movements(target, page, work.context))
        return exitCodes.ok
      }),
    )
}

function addAccount(command: Command): Command {
  return command
    .option('-o, --owner <owner>', 'the pool of this owner')
    .option('-k, --key <id>', 'whatever this key spends from')
}

function readTarget({ owner, key }: AccountOptions): CreditTarget {
  if (owner !== undefined && key === undefined) return { owner }
  if (key !== undefined && owner === undefined) return { keyId: key }
  throw new CommandFailure('Name the account: --owner OWNER, or --key ID.', exitCodes.usage)
}

function readSetting({ balance, refill, every = 'month', mode = 'to', reason }: SetOptions): SetCreditsInput {
  const setting = {
    ...(balance !== undefined && { balance: readWhole('--balance', balance, [0, MAX_CREDITS]) }),
    ...(refill === false && { refill: null }),
    ...(typeof refill === 'string' && {
      refill: {
        amount: readWhole('--refill', refill, [1, MAX_CREDITS]),
        mode: readMode(mode),
        every: readEvery(every),
      },
    }),
  }
  if (Object.keys(setting).length === 0)
    throw new CommandFailure('Name what to set: --balance, --refill or --no-refill.', exitCodes.usage)
  return { ...setting, ...reasonOf({ reason }) }
}

function readMode(text: string): 'add' | 'to' {
  if (text === 'add' || text === 'to') return text
  throw new CommandFailure('--mode must be add or to.', exitCodes.usage)
}

function readEvery(text: string): 'day' | 'month' | number {
  return text === 'day' || text === 'month' ? text : readSeconds('--every', text)
}

function reasonOf({ reason }: { readonly reason?: string | undefined }): { readonly reason?: string } {
  return reason === undefined ? {} : { reason }
}

async function showState(work: Work, state: CreditState): Promise<void> {
  if (work.isJson) return work.json(state)
  const { refill } = state
  const every = typeof refill?.every === 'number' ? `${refill.every} s` : refill?.every
  await work.terminal.out(
    fieldsText(work.terminal, [
      ['Balance', String(state.balance)],
      ['Held by running requests', String(state.reserved)],
      ['Refill', refill === null ? 'none' : `${refill.mode === 'to' ? 'up to ' : ''}${refill.amount} every ${every}`],
      ...(state.refillAt === null ? [] : [['Next refill', showExactly(state.refillAt)] as const]),
      ['Version', String(state.version)],
    ]),
  )
}

function movementColumns(terminal: Terminal): readonly Column<Movement>[] {
  return [
    { title: '#', text: ({ sequence }) => String(sequence), align: 'right' },
    { title: 'at (utc)', text: ({ at }) => showInstant(at) },
    { title: 'kind', text: ({ kind }) => kind },
    {
      title: 'amount',
      text: ({ amount }) => (amount > 0 ? `+${amount}` : String(amount)),
      paint: (text, { amount }) => terminal.style(amount < 0 ? 'red' : 'green', text),
      align: 'right',
    },
    { title: 'balance', text: ({ balance }) => String(balance), align: 'right' },
    { title: 'by', text: ({ actor, keyId }) => actor ?? keyId ?? '-' },
    { title: 'reason', text: ({ reason }) => visible(reason ?? '-') },
  ]
}
