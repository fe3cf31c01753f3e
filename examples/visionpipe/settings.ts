import { randomBytes } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { type Environment, readCredits, readPublicUrl } from '../environment.ts'

/** What VisionPipe is told from outside, besides what every example is. */
export interface Settings {
  /** `CREDITS`: what a new key starts with; default 0. */
  readonly credits: number
  /** `PUBLIC_URL`: what addresses begin with, without a slash at the end; default the address that is served at. */
  readonly publicUrl: string | undefined
  /** `SESSION_SECRET`, at least 32 bytes; else one that is kept beside the database file. */
  readonly sessionSecret: string
}

/** Reads the settings. @throws {Error} With the variable and its rule. */
export function readSettings({ database }: Environment, variables: NodeJS.ProcessEnv = process.env): Settings {
  const credits = readCredits(variables, 0)
  const publicUrl = readPublicUrl(variables)
  const given = variables['SESSION_SECRET'] || undefined
  if (given === undefined && database.kind !== 'sqlite')
    throw new Error('SESSION_SECRET must be given where several instances share a database')
  const sessionSecret = given ?? keptSecret(`${database.kind === 'sqlite' ? database.file : ''}.session-secret`)
  return { credits, publicUrl, sessionSecret }
}

/** A token outlives a restart, so its secret must. */
function keptSecret(file: string): string {
  try {
    writeFileSync(file, randomBytes(32).toString('base64url'), { mode: 0o600, flag: 'wx' })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  }
  return readFileSync(file, 'utf8')
}
