import { createHash } from 'node:crypto'
import type { Command } from 'commander'
import type { CreatedKey } from '../index.ts'
import { readSecret } from './confirm.ts'
import { CommandFailure, exitCodes } from './failure.ts'
import { fenceCode, fenceText } from './fence-text.ts'
import { readSeconds } from './instant.ts'
import { addKeyOptions, type NewKeyOptions, readKey } from './key-input.ts'
import { keyText } from './key-view.ts'
import { readWhole, type Session, type Work, withKeyward } from './session.ts'
import { visible } from './visible-text.ts'

/** A key that is shorter shows too much of itself in its first 12 characters. */
const SHORTEST_SHOWN_CHARACTERS = 32

/** Adds `keys create`, `keys import` and `keys rotate`: what makes a key that works. */
export function addIssueCommands(keys: Command, session: Session): void {
  addKeyOptions(keys.command('create'))
    .summary('make a key, and show it once')
    .description(
      'Makes a key and shows it once: it is stored nowhere. The key alone goes to stdout, all else to stderr; with --json there is one document that holds it as apiKey.',
    )
    .option('--credits <number>', 'credits that it begins with, where keys have credits of their own')
    .addHelpText(
      'after',
      `
Examples:
  $ keyward keys create --owner acme --name Production
  $ keyward keys create --owner acme --name CI --scope videos:read,videos:write --expires 90d
  $ keyward keys create --owner acme --name Worker > worker.key     # nothing but the key
  $ keyward keys create --owner acme --name Worker --json | jq -r .apiKey`,
    )
    .action((options: NewKeyOptions & { readonly credits?: string }, command: Command) =>
      withKeyward(session, command, 'change', async (work) => {
        const input = {
          ...readKey(options, Date.now()),
          ...(options.credits !== undefined && {
            credits: readWhole('--credits', options.credits, [0, Number.MAX_SAFE_INTEGER]),
          }),
        }
        const created = await work.keyward.keys.create(input, work.context)
        await showCreated(work, created, `Created ${created.id} for ${visible(created.owner)}.`)
        return exitCodes.ok
      }),
    )

  addKeyOptions(keys.command('import'))
    .summary('take over a key that another system made')
    .description(
      'Takes over a key that another system made, by its SHA-256 digest. The key, or with --digest its digest, is read from stdin, so that it is in no history.',
    )
    .option('--digest', 'stdin holds the SHA-256 of the key, as hex, base64 or base64url')
    .addHelpText(
      'after',
      `
Examples:
  $ keyward keys import --owner acme --name Legacy < old.key
  $ keyward keys import --owner acme --name Legacy --digest < digest.txt

Servers admit it if their profile, or keys.accept of createKeyward, has its format.`,
    )
    .action((options: NewKeyOptions & { readonly digest?: boolean }, command: Command) =>
      withKeyward(session, command, 'change', async (work) => {
        const secret = await readSecret(work.terminal, options.digest ? 'The digest' : 'The key')
        const key = options.digest ? { digest: secret } : ofKey(secret)
        const imported = await work.keyward.keys.import({ ...readKey(options, Date.now()), ...key }, work.context)
        if (work.isJson) await work.json(imported)
        else await work.terminal.out(keyText(work.terminal, imported))
        return exitCodes.ok
      }),
    )

  keys
    .command('rotate')
    .argument('<id>', 'id of the key')
    .summary('replace a key, with or without a grace period')
    .description(
      'Replaces a key by a new one with the same name, scopes, limits and credits, and shows that once. The old key stops at once, or works on for --grace.',
    )
    .option('--grace <time>', 'how long the old key works on, such as 1h or 7d; at most 365d', '0s')
    .option('--if-version <version>', 'only if the key has this version')
    .addHelpText(
      'after',
      `
Examples:
  $ keyward keys rotate key_01JD… --grace 7d
  $ keyward keys rotate key_01JD… > new.key     # nothing but the new key`,
    )
    .action((id: string, options: { readonly grace: string; readonly ifVersion?: string }, command: Command) =>
      withKeyward(session, command, 'change', async (work) => {
        const graceSeconds = readSeconds('--grace', options.grace)
        const rotated = await work.keyward.keys.rotate(id, { graceSeconds }, withVersion(work, options.ifVersion))
        const { previous } = rotated
        const ends =
          graceSeconds === 0
            ? `The old key, ${previous.id}, is revoked.`
            : `The old key, ${previous.id}, works until ${previous.expiresAt?.toISOString() ?? 'it is revoked'}.`
        await showCreated(
          work,
          rotated,
          `Rotated: the new key is ${rotated.id}. ${ends}\n${fenceText(work, rotated.fenced)}`,
        )
        return fenceCode(rotated.fenced)
      }),
    )
}

/** Who acts, under the version that an option names. */
export function withVersion(work: Work, ifVersion: string | undefined): Work['context'] {
  if (ifVersion === undefined) return work.context
  return { ...work.context, ifVersion: readWhole('--if-version', ifVersion, [0, Number.MAX_SAFE_INTEGER]) }
}

async function showCreated(work: Work, created: CreatedKey, said: string): Promise<void> {
  const { terminal } = work
  if (work.isJson) return work.json(created)
  await terminal.say(`${said}\n${warnings(work, created)}\n`)
  await terminal.out(`${created.apiKey}\n`)
  await terminal.say(
    `\n${terminal.styleSaid('yellow', 'Copy the key now: it is stored nowhere, and not shown again.')}\n`,
  )
}

/** What a person would want to know before they hand the key out. */
function warnings({ isComplete, deployment, terminal }: Work, key: CreatedKey): string {
  const lines: string[] = []
  if (!isComplete && deployment === undefined)
    lines.push(
      'No server has served on this database yet, so the key has the default format. Start yours first, or use a config file.',
    )
  if (key.policies.length === 0) lines.push('It has no policy: nothing limits it but what your routes name.')
  return lines.map((line) => `${terminal.styleSaid('yellow', 'Note:')} ${line}\n`).join('')
}

function ofKey(secret: string): { readonly digest: string; readonly start?: string } {
  if (secret.length < 16) throw new CommandFailure('The key on stdin is too short to be one.', exitCodes.usage)
  const digest = createHash('sha256').update(secret).digest('hex')
  return secret.length < SHORTEST_SHOWN_CHARACTERS ? { digest } : { digest, start: secret.slice(0, 12) }
}
