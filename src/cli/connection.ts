import { basename } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  createKeyward,
  createProfile,
  type Deployment,
  defaultProfile,
  type Gate,
  type KeyStore,
  type Keyward,
  type KeywardEvent,
  type KeywardOptions,
  memoryGate,
  readDeployment,
  type StoreInspection,
} from '../index.ts'
import { type Opened, openRedis, openStore } from './backends.ts'
import { findConfig, loadConfig } from './config-file.ts'
import { readEnvironment } from './environment.ts'
import { CommandFailure, exitCodes } from './failure.ts'

/** How long closing may take: what is under way is waited for, and no server that hangs. */
const CLOSE_MS = 3_000
/** How long the gate is waited for before a change: without it a fence waits. */
const GATE_OPEN_MS = 3_000

/** What a keyward is opened for: reading, or changes that must hold everywhere. */
export type Purpose = 'read' | 'change'

/** What says where to go. */
export interface Target {
  /** File that was named by `--config`. */
  readonly config: string | undefined
  /** The folder that the program was called in. */
  readonly folder: string
  readonly variables: NodeJS.ProcessEnv
}

/** A store, and what else there is to it, before anything was opened. */
export interface Backend {
  /** Where it comes from: a file's name, or `DATABASE_URL`. */
  readonly source: string
  /** Options of a keyward. Those of `DATABASE_URL` know nothing of the deployment yet. */
  readonly options: KeywardOptions
  /** Whether a file says everything; else what servers have left in the store says it. */
  readonly isComplete: boolean
  close(): Promise<void>
}

/** A keyward that manages, and does not serve. */
export interface Connection extends Backend {
  readonly keyward: Keyward
  readonly store: KeyStore
  /** Where versions live, and changes are fenced. */
  readonly versions: Gate['versions']
  /** What servers have left; `undefined` where none has served yet. */
  readonly deployment: Deployment | undefined
  /** What the library told meanwhile. */
  readonly events: readonly KeywardEvent[]
}

/**
 * Finds out where to go: a config file before the environment, since it says more.
 *
 * @throws {CommandFailure} When nothing says it.
 */
export async function findBackend({ config, folder, variables }: Target): Promise<Backend> {
  const path = findConfig(config, folder)
  if (path !== undefined)
    return { source: basename(path), options: await loadConfig(path), isComplete: true, close: async () => {} }
  const { database, redisUrl } = readEnvironment(variables, folder)
  if (database === undefined)
    throw new CommandFailure('There is no keyward.config file here, and DATABASE_URL is not set.', exitCodes.usage, [
      'keyward init                                 makes a configuration',
      'DATABASE_URL=sqlite:keyward.db keyward …     or postgres://…, mysql://…',
    ])
  const store = await openStore(database, folder)
  const gate = redisUrl === undefined ? undefined : await openRedis(redisUrl, folder)
  return {
    source: 'DATABASE_URL',
    options: { store: store.value, gate: gate?.value },
    isComplete: false,
    close: () => closeAll([store, gate]),
  }
}

/**
 * Opens a keyward for management. It claims no right to serve, and migrates nothing.
 *
 * @param purpose - Whether keys may be changed: what changes them must reach the gate of the servers.
 * @throws {CommandFailure} When the schema is not up to date, or servers fence where this process cannot.
 */
export async function connect(target: Target, purpose: Purpose): Promise<Connection> {
  const backend = await findBackend(target)
  try {
    return await open(backend, purpose)
  } catch (error) {
    await backend.close()
    throw error
  }
}

async function open(backend: Backend, purpose: Purpose): Promise<Connection> {
  const { store } = backend.options
  checkSchema(await store.inspect?.(), backend.source)
  await store.open()
  const deployment = await readDeployment(store)
  const options = backend.isComplete ? backend.options : complete(backend.options, deployment, purpose)
  const events: KeywardEvent[] = []
  const gate = options.gate ?? store.createGate?.()
  await openGate(gate)
  // What the host's observer does (it may print) is the server's business.
  const keyward = createKeyward({ ...options, gate, onEvent: (event) => void events.push(event) })
  return {
    ...backend,
    options,
    keyward,
    store,
    versions: gate?.versions ?? 'process',
    deployment,
    events,
    async close() {
      await Promise.race([keyward.close().catch(() => {}), sleep(CLOSE_MS)])
      await backend.close()
    },
  }
}

/** A client that waits to be told to connects now; a gate that is away is told by the change that it does not take. */
async function openGate(gate: Gate | undefined): Promise<void> {
  const opening = gate?.open?.(() => {}).catch(() => {})
  if (opening !== undefined) await Promise.race([opening, sleep(GATE_OPEN_MS)])
}

/** @throws {CommandFailure} Unless the schema is that of this version. */
function checkSchema(inspection: StoreInspection | undefined, source: string): void {
  if (inspection === undefined) return
  const { applied, pending, unknown } = inspection
  if (unknown.length > 0)
    throw new CommandFailure(
      `The database is of a newer version of keyward: it has ${unknown.join(', ')}.`,
      exitCodes.failed,
      ['npm install keyward@latest'],
    )
  if (pending.length === 0) return
  if (applied.length === 0)
    throw new CommandFailure(`There are no tables of keyward in the database of ${source} yet.`, exitCodes.failed, [
      'keyward migrate',
    ])
  throw new CommandFailure(
    `The database lacks ${pending.length === 1 ? 'a migration' : `${pending.length} migrations`}: ${pending.join(', ')}.`,
    exitCodes.failed,
    ['keyward migrate'],
  )
}

/** Does as the servers do, by what the last one that started has left in the store. */
function complete(options: KeywardOptions, deployment: Deployment | undefined, purpose: Purpose): KeywardOptions {
  const gate = options.gate ?? gateFor(options.store, deployment, purpose)
  if (deployment === undefined) return { ...options, gate }
  const { keyFormat, policies, defaultPolicies, requireScopes, onDelete, account, initialCredits } = deployment
  return {
    ...options,
    gate,
    profile: createProfile(defaultProfile, { name: 'cli', keyFormat }),
    limits: { policies, default: defaultPolicies },
    keys: { requireScopes, onDelete },
    audit: { retentionDays: deployment.retentionDays },
    ...(options.store.ledger !== undefined && {
      credits: { account, ...(account === 'key' && { initial: initialCredits }) },
    }),
  }
}

function gateFor(store: KeyStore, deployment: Deployment | undefined, purpose: Purpose): Gate | undefined {
  if (purpose === 'read') return store.createGate === undefined ? memoryGate() : undefined
  if (deployment?.versions === 'gate')
    throw new CommandFailure(
      'The servers on this database fence keys in Redis: set REDIS_URL to theirs, or a revocation would not reach them at once.',
      exitCodes.usage,
      ['REDIS_URL=redis://… DATABASE_URL=… keyward …'],
    )
  if (store.createGate !== undefined || store.sharing !== 'serve') return undefined
  if (deployment?.versions === 'process') return memoryGate()
  throw new CommandFailure(
    'MySQL keeps no versions of keys: set REDIS_URL to that of your servers, or use a config file that says what they use.',
    exitCodes.usage,
  )
}

async function closeAll(opened: readonly (Opened<unknown> | undefined)[]): Promise<void> {
  const closing = Promise.all(opened.map((one) => one?.close().catch(() => {})))
  await Promise.race([closing, sleep(CLOSE_MS)])
}
