import type { Command } from 'commander'
import type { Policy, Window } from '../index.ts'
import { CommandFailure, exitCodes } from './failure.ts'
import { readSeconds, showInstant } from './instant.ts'
import { withVersion } from './issue-commands.ts'
import { readWhole, type Session, withKeyward } from './session.ts'
import { type Column, tableText } from './table.ts'

const MAX_LIMIT = 1_000_000_000

/** Adds `policies list` and `policies set`. */
export function addPolicyCommands(program: Command, session: Session): void {
  const policies = program
    .command('policies')
    .summary('list and set the limits that keys refer to')
    .description('Reads and stores policies: named limits that keys refer to, so that one edit reaches all of them.')

  policies
    .command('list')
    .summary('list policies')
    .description('Lists policies: those that the code of the servers defines, and over them those that were stored.')
    .addHelpText('after', '\nExamples:\n  $ keyward policies list\n  $ keyward policies list --json')
    .action((_options: object, command: Command) =>
      withKeyward(session, command, 'read', async (work) => {
        const items = await work.keyward.limits.policies()
        if (work.isJson) await work.json({ items, nextCursor: null })
        else if (items.length === 0) await work.terminal.say('There are no policies.\n')
        else await work.terminal.out(tableText(work.terminal, policyColumns, items))
        return exitCodes.ok
      }),
    )

  policies
    .command('set')
    .argument('<name>', 'name of the policy')
    .summary('store a policy, for every key that refers to it')
    .description(
      'Stores a policy over whatever has the name. Every key that refers to it is judged by it from then on, and what was counted stays counted.',
    )
    .requiredOption(
      '-w, --window <limit/time>',
      'LIMIT/TIME, or LIMIT/TIME/owner for all keys of an owner together; may be repeated',
      addWindow,
    )
    .option('--if-version <version>', 'only if the policy has this version; 0 for one that is not stored')
    .addHelpText(
      'after',
      `
Examples:
  $ keyward policies set default --window 100/1m
  $ keyward policies set paid --window 600/1m --window 100000/1d/owner`,
    )
    .action((name: string, options: { window: readonly string[]; ifVersion?: string }, command: Command) =>
      withKeyward(session, command, 'read', async (work) => {
        const windows = options.window.map(readWindow)
        const policy = await work.keyward.limits.setPolicy(name, windows, withVersion(work, options.ifVersion))
        if (work.isJson) await work.json(policy)
        else await work.terminal.out(`Stored ${policy.name}: ${windowsText(policy)}. Servers use it within a second.\n`)
        return exitCodes.ok
      }),
    )
}

function addWindow(text: string, before: readonly string[] | undefined): readonly string[] {
  return [...(before ?? []), text]
}

function readWindow(text: string): Window {
  const [, limit = '', time = '', per] = /^(\d+)\/(\w+)(?:\/(key|owner))?$/.exec(text) ?? []
  if (limit === '')
    throw new CommandFailure('--window must be LIMIT/TIME or LIMIT/TIME/owner, such as 100/1m.', exitCodes.usage)
  const window = {
    limit: readWhole('The limit of --window', limit, [0, MAX_LIMIT]),
    windowSeconds: readSeconds('The time of --window', time),
  }
  return per === 'owner' ? { ...window, per } : window
}

const policyColumns: readonly Column<Policy>[] = [
  { title: 'name', text: ({ name }) => name },
  { title: 'windows', text: windowsText, maxCharacters: 60 },
  { title: 'version', text: ({ version }) => (version === 0 ? 'code' : String(version)) },
  { title: 'stored (utc)', text: ({ updatedAt }) => showInstant(updatedAt) },
]

function windowsText({ windows }: Policy): string {
  return windows
    .map(
      ({ limit, windowSeconds, per }) => `${limit} in ${timeText(windowSeconds)}${per === 'owner' ? ' per owner' : ''}`,
    )
    .join(', ')
}

function timeText(seconds: number): string {
  for (const [unit, length] of [
    ['d', 86_400],
    ['h', 3_600],
    ['m', 60],
  ] as const)
    if (seconds >= length && seconds % length === 0) return `${seconds / length}${unit}`
  return `${seconds}s`
}
