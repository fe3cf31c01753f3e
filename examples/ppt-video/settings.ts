import { readCredits } from '../environment.ts'

/** What ppt.video is told from outside, besides what every example is. */
export interface Settings {
  /** `CREDITS`: what a new key starts with; default 100. */
  readonly credits: number
  /** `SCOPED_ORGANIZATIONS`: whose keys must name their scopes, with commas between; default `*`, all of them. */
  readonly requiresScopes: (organization: string) => boolean
}

/** Reads the settings. @throws {Error} With the variable and its rule. */
export function readSettings(variables: NodeJS.ProcessEnv = process.env): Settings {
  const organizations = (variables['SCOPED_ORGANIZATIONS'] ?? '*').split(',')
  return {
    credits: readCredits(variables, 100),
    requiresScopes: (organization) => organizations.includes('*') || organizations.includes(organization),
  }
}
