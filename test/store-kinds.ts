import { type Clock, type KeyStore, memory } from 'keyward'
import { sqlite } from 'keyward/sqlite'
import { temporaryFile } from './stores/sqlite/temporary-files.ts'

/** Every store that a core test runs over: in memory, and a real SQLite file. */
export const storeKinds: readonly (readonly [name: string, create: (clock: Clock) => KeyStore])[] = [
  ['memory', (clock) => memory({ losesDataOnExit: true, clock })],
  ['SQLite', (clock) => sqlite(temporaryFile(), { clock })],
]
