/** What the program ends with. Stable: scripts may rely on each. */
export const exitCodes = {
  ok: 0,
  /** Something failed, or a check found something wrong. */
  failed: 1,
  /** Wrong usage or configuration, or input that breaks a rule. Nothing was changed. */
  usage: 2,
  /** No such key, owner or policy. */
  notFound: 3,
  /** What is stored stands in the way: the state, or a version that is another one. */
  conflict: 4,
  /** Done and stored, but the gate has not taken the fence yet. */
  fenceWaits: 5,
  /** A database or Redis did not answer: try again. */
  unavailable: 6,
  /** Ended by SIGINT, as shells have it. */
  interrupted: 130,
} as const

/** One of the exit codes: 0 to 6, or 130. */
export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes]

/** Ends a command with one clear sentence and an exit code. */
export class CommandFailure extends Error {
  override readonly name = 'CommandFailure'
  /** What the program ends with: one of {@link exitCodes}. */
  readonly exitCode: ExitCode
  /** What to do about it, a line each. */
  readonly advice: readonly string[]

  constructor(message: string, exitCode: ExitCode = exitCodes.failed, advice: readonly string[] = [], cause?: unknown) {
    super(message, cause === undefined ? {} : { cause })
    this.exitCode = exitCode
    this.advice = advice
  }
}

/** @throws {CommandFailure} After SIGINT. */
export function throwIfInterrupted(signal: AbortSignal): void {
  if (signal.aborted) throw new CommandFailure('Interrupted.', exitCodes.interrupted)
}

/** Exit codes of the library's errors, by their code: a copy of the library that a config file loads has classes of its own. */
const byCode: Readonly<Record<string, ExitCode>> = {
  config_error: exitCodes.usage,
  validation_failed: exitCodes.usage,
  forbidden: exitCodes.failed,
  not_found: exitCodes.notFound,
  conflict: exitCodes.conflict,
  precondition_failed: exitCodes.conflict,
  service_unavailable: exitCodes.unavailable,
}

/** What a person is told of anything that was thrown: a sentence, what to do, and the exit code. */
export function describeFailure(error: unknown): CommandFailure {
  if (error instanceof CommandFailure) return error
  const code = codeOf(error)
  const exitCode = code === undefined ? undefined : byCode[code]
  const message = error instanceof Error ? firstLine(error.message) : firstLine(String(error))
  if (exitCode === exitCodes.unavailable) {
    const why = reasonOf(error)
    return new CommandFailure(why === undefined ? message : `${message} ${sentence(why)}`, exitCode, [], error)
  }
  return new CommandFailure(sentence(message), exitCode ?? exitCodes.failed, [], error)
}

/** What the innermost cause says: `connect ECONNREFUSED 127.0.0.1:5432`. */
export function reasonOf(error: unknown): string | undefined {
  let reason: string | undefined
  let cause = causeOf(error)
  for (let depth = 0; cause !== undefined && depth < 8; depth++) {
    if (cause instanceof Error && (cause.message || codeOf(cause)))
      reason = firstLine(cause.message || codeOf(cause) || '')
    cause = causeOf(cause)
  }
  return reason
}

/** Connections that were tried at several addresses come as one error with many inside. */
function causeOf(error: unknown): unknown {
  if (error instanceof AggregateError && error.message === '') return error.errors[0]
  return error instanceof Error ? error.cause : undefined
}

function codeOf(error: unknown): string | undefined {
  const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined
  return typeof code === 'string' ? code : undefined
}

function firstLine(text: string): string {
  return text.split('\n', 1)[0]?.trim() ?? ''
}

/** Begins with a capital, unless it names an option, and ends with a full stop. */
function sentence(text: string): string {
  const ended = /[.!?:)]$/.test(text) ? text : `${text}.`
  return /^[a-z]+ /.test(ended) ? ended.charAt(0).toUpperCase() + ended.slice(1) : ended
}
