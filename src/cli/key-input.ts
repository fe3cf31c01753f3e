import type { Command } from 'commander'
import type { Metadata, NewKey } from '../index.ts'
import { CommandFailure, exitCodes } from './failure.ts'
import { readInstant } from './instant.ts'
import { collect } from './session.ts'

/** Options that say what a new key is. */
export interface NewKeyOptions {
  readonly owner: string
  readonly name: string
  readonly scope?: readonly string[]
  readonly policy?: readonly string[]
  readonly audience?: readonly string[]
  readonly address?: readonly string[]
  readonly metadata?: string
  readonly starts?: string
  readonly expires?: string
}

/** Adds the options of a new key to a command. */
export function addKeyOptions(command: Command): Command {
  return command
    .requiredOption('-o, --owner <owner>', 'organization, account or service that the key acts for')
    .requiredOption('-n, --name <name>', 'what people call it')
    .option('-s, --scope <scope>', 'grant a scope; may be repeated, or hold commas', collect)
    .option('-p, --policy <policy>', 'limit it by a policy instead of the default ones; may be repeated', collect)
    .option('--audience <audience>', 'audience that it is good for; may be repeated', collect)
    .option('--address <range>', 'address or CIDR range that it may be used from; may be repeated', collect)
    .option('--metadata <json>', 'a JSON object of your own')
    .option('--starts <when>', 'not before: an instant, or a time from now such as 1h')
    .option('--expires <when>', 'not after: an instant, or a time from now such as 30d')
}

/** Makes input of options. What is not given keeps its default. */
export function readKey(options: NewKeyOptions, nowMs: number): NewKey {
  const { owner, name, scope, policy, audience, address, metadata, starts, expires } = options
  return {
    owner,
    name,
    ...(scope !== undefined && { scopes: [...scope] }),
    ...(policy !== undefined && { policies: [...policy] }),
    ...(audience !== undefined && { audiences: [...audience] }),
    ...(address !== undefined && { addresses: [...address] }),
    ...(metadata !== undefined && { metadata: readMetadata(metadata) }),
    ...(starts !== undefined && { startsAt: readInstant('--starts', starts, 'ahead', nowMs) }),
    ...(expires !== undefined && { expiresAt: readInstant('--expires', expires, 'ahead', nowMs) }),
  }
}

function readMetadata(text: string): Metadata {
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Metadata
  } catch {
    // Said below.
  }
  throw new CommandFailure('--metadata must be a JSON object, such as \'{"team":"video"}\'.', exitCodes.usage)
}
