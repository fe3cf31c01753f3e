import type { Command } from 'commander'
import { type Backend, findBackend } from './connection.ts'
import { attempt, type CheckResult, type CheckStatus, failed, ok } from './doctor-check.ts'
import { checkPrograms } from './doctor-programs.ts'
import { checkChains, checkDeployment, checkOutbox, checkRetention, checkUsage } from './doctor-records.ts'
import { checkGate, checkStore } from './doctor-servers.ts'
import { exitCodes } from './failure.ts'
import { globalOptions, type Session, targetOf, type Work, withKeyward } from './session.ts'
import type { Format, Terminal } from './terminal.ts'
import { jsonText, visible } from './visible-text.ts'

/** Adds `doctor`. */
export function addDoctorCommand(program: Command, session: Session): void {
  program
    .command('doctor')
    .summary('check configuration, servers, clocks and records')
    .description(
      'Checks the configuration, that database and gate answer, the schema, clocks, the eviction policy of Redis, fences that wait, the latest audit chains, retention, and versions. Changes nothing. Exit code 1 where a check fails; warnings are none.',
    )
    .addHelpText(
      'after',
      `\nExamples:\n  $ keyward doctor\n  $ keyward doctor --json | jq '.checks[] | select(.status != "ok")'`,
    )
    .action(async (_options: object, command: Command) => {
      const checks = await diagnose(session, command)
      const { terminal } = session
      const isHealthy = checks.every(({ status }) => status !== 'fail')
      if (globalOptions(command).json) await terminal.out(`${jsonText({ ok: isHealthy, checks })}\n`)
      else await terminal.out(checks.map((check) => lineOf(terminal, check)).join('') + summaryOf(terminal, checks))
      session.end(isHealthy ? exitCodes.ok : exitCodes.failed)
    })
}

async function diagnose(session: Session, command: Command): Promise<readonly CheckResult[]> {
  const checks = [...checkPrograms(session.folder)]
  let backend: Backend
  try {
    backend = await findBackend(targetOf(session, command))
  } catch (error) {
    return [...checks, failed('configuration', error, 'keyward init makes one, or set DATABASE_URL.')]
  }
  checks.push(ok('configuration', backend.source))
  try {
    checks.push(...(await checkServers(backend)))
  } finally {
    await backend.close()
  }
  // What is stored can be read only where the tables are there and of this version.
  if (checks.some(({ name, status }) => status === 'fail' && (name === 'store' || name === 'schema'))) return checks
  return [
    ...checks,
    ...(await attempt('keyward', 'Mend the options of createKeyward.', () => checkRecords(session, command))),
  ]
}

async function checkServers({ options }: Backend): Promise<readonly CheckResult[]> {
  const { store } = options
  const gate = options.gate ?? store.createGate?.()
  return [
    ...(await attempt('store', 'Check the address, the password and the network.', () => checkStore(store))),
    ...(await attempt('gate', 'Check REDIS_URL, the password and the network.', () => checkGate(gate))),
  ]
}

async function checkRecords(session: Session, command: Command): Promise<readonly CheckResult[]> {
  const checks: CheckResult[] = []
  const add = async (name: string, check: (work: Work) => Promise<readonly CheckResult[]>, work: Work) =>
    checks.push(...(await attempt(name, 'Look at what the database says.', () => check(work))))
  await withKeyward(session, command, 'read', async (work) => {
    await add('servers', checkDeployment, work)
    await add('outbox', checkOutbox, work)
    await add('audit', checkChains, work)
    await add('retention', checkRetention, work)
    await add('usage', checkUsage, work)
    return exitCodes.ok
  })
  return checks
}

const marks: Readonly<Record<CheckStatus, readonly [mark: string, format: Format]>> = {
  ok: ['ok  ', 'green'],
  warn: ['warn', 'yellow'],
  fail: ['fail', 'red'],
}

function lineOf(terminal: Terminal, { name, status, found, advice }: CheckResult): string {
  const [mark, format] = marks[status]
  const line = `${terminal.style(format, mark)}  ${name.padEnd(14)} ${visible(found)}\n`
  return advice === null ? line : `${line}${' '.repeat(21)}${terminal.style('dim', '->')} ${visible(advice)}\n`
}

function summaryOf(terminal: Terminal, checks: readonly CheckResult[]): string {
  const count = (status: CheckStatus) => checks.filter((check) => check.status === status).length
  const [fails, warns] = [count('fail'), count('warn')]
  if (fails > 0) return `\n${terminal.style('red', `${fails} failed`)}, ${warns} with a warning.\n`
  return warns > 0 ? `\nWorks, ${terminal.style('yellow', `${warns} with a warning`)}.\n` : '\nAll is well.\n'
}
