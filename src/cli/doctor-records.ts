import { type CheckResult, fail, ok, warn } from './doctor-check.ts'
import type { Work } from './session.ts'
import { visible } from './visible-text.ts'

const DAY_MS = 86_400_000
/** How many chains are verified: those with the latest entries. */
const MAX_CHAINS = 5
const MAX_FENCES = 1_000
/** Purging runs every hour. */
const RETENTION_SLACK_DAYS = 1

/** Checks that no fence waits for the gate. */
export async function checkOutbox({ store, versions }: Work): Promise<readonly CheckResult[]> {
  const waiting = await store.listFences(MAX_FENCES)
  if (waiting.length === 0) return [ok('outbox', 'no fence waits for the gate')]
  const count = waiting.length === MAX_FENCES ? `${MAX_FENCES} or more` : String(waiting.length)
  const owners = [...new Set(waiting.map(({ owner }) => visible(owner)))].slice(0, 3).join(', ')
  const advice =
    versions === 'gate'
      ? 'A running server brings them there within a second once the gate is back: check that one runs.'
      : 'They were left by servers with a gate in Redis: set REDIS_URL to theirs, or start one.'
  return [warn('outbox', `${count} changes to keys wait for the gate (${owners})`, advice)]
}

/** Checks the chains of those who had entries in the last day. */
export async function checkChains({ keyward, checkInterrupted }: Work): Promise<readonly CheckResult[]> {
  const from = new Date(Date.now() - DAY_MS)
  const { items } = await keyward.audit.list({ from, limit: 100 })
  const owners = [...new Set(items.map(({ owner }) => owner))].slice(0, MAX_CHAINS)
  if (owners.length === 0) return [ok('audit', 'no entries in the last day')]
  const checks: CheckResult[] = []
  for (const owner of owners) {
    await checkInterrupted()
    const { broken } = await keyward.audit.verify({ owner })
    if (broken !== null)
      checks.push(
        fail(
          'audit',
          `the chain of ${visible(owner) || '(no owner)'} is broken at #${broken.sequence}: ${broken.fault.replaceAll('_', ' ')}`,
          'Somebody changed the table: keyward audit verify, and see docs/audit.md.',
        ),
      )
  }
  const verified = owners.length === 1 ? 'one chain' : `${owners.length} chains`
  return checks.length > 0 ? checks : [ok('audit', `verified ${verified} with entries in the last day`)]
}

/** Checks that old entries are purged. */
export async function checkRetention({ store, options }: Work): Promise<readonly CheckResult[]> {
  const days = options.audit?.retentionDays ?? 90
  const before = new Date(Date.now() - (days + RETENTION_SLACK_DAYS) * DAY_MS)
  const late = await store.listAuditOwners(before, 1)
  if (late.length === 0) return [ok('retention', `no audit entry is older than ${days} days`)]
  return [
    warn(
      'retention',
      `there are audit entries older than ${days} days`,
      'A serving process purges them every hour: check that one runs.',
    ),
  ]
}

/** Checks that servers were started with what this program goes by. */
export async function checkDeployment(work: Work): Promise<readonly CheckResult[]> {
  const { deployment, keyward, versions, isComplete, source } = work
  if (deployment === undefined)
    return isComplete
      ? [ok('servers', 'none has served on this store yet')]
      : [
          warn(
            'servers',
            'none has served on this store yet, so keys made here have the default format and no policies',
            'Start your server once, or use a config file: keyward init',
          ),
        ]
  const checks: CheckResult[] = []
  const { patternSource } = keyward.profile.keyFormat
  if (deployment.keyFormat.patternSource !== patternSource)
    checks.push(
      warn(
        'servers',
        `keys begin with ${deployment.keyFormat.prefix} on the server that started last, and with ${keyward.profile.keyFormat.prefix} in ${source}`,
        'Give both the same profile.',
      ),
    )
  if (deployment.versions !== versions)
    checks.push(
      fail(
        'servers',
        `changes are fenced ${placeOf(deployment.versions)} on the server that started last, and ${placeOf(versions)} in ${source}`,
        'Give both the same gate, or a revocation made here reaches servers late.',
      ),
    )
  return checks.length > 0 ? checks : [ok('servers', 'the one that started last has the same key format and gate')]
}

function placeOf(versions: Work['versions']): string {
  return { process: 'in their own memory', gate: 'in Redis', store: 'in the database' }[versions]
}

/** A server counts a request within seconds, in the row of its minute. */
const USAGE_LAG_MS = 120_000

/** Checks that what keys were used for is counted: a key that was used lately has a minute in which it was. */
export async function checkUsage({ keyward, store }: Work): Promise<readonly CheckResult[]> {
  if (store.usage === undefined) return [ok('usage', 'the store counts no requests')]
  const { items } = await keyward.keys.list({ limit: 100 })
  const usedMs = Math.max(...items.map(({ lastUsedAt }) => lastUsedAt?.getTime() ?? 0), 0)
  if (usedMs < Date.now() - DAY_MS / 24) return [ok('usage', 'no key among the newest 100 was used in the last hour')]
  const from = new Date(Date.now() - DAY_MS / 24)
  const { series, totals } = await keyward.usage.read({ from, interval: 'minute' })
  const counted = series.findLast(({ requests }) => requests > 0)
  if (counted !== undefined && counted.at.getTime() + USAGE_LAG_MS >= usedMs)
    return [
      ok(
        'usage',
        `${totals.requests} requests in the last hour, the latest at ${counted.at.toISOString().slice(11, 16)} UTC`,
      ),
    ]
  return [
    warn(
      'usage',
      'keys were used later than any request was counted',
      'Servers may have usage: false, or cannot write: see their degraded events.',
    ),
  ]
}
