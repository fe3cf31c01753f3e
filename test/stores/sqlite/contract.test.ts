import Libsql from 'libsql'
import { describe, it } from 'vitest'
import { type SqliteHandle, sqlite } from '../../../src/stores/sqlite/sqlite.ts'
import type { SqliteKeyStore } from '../../../src/stores/sqlite/sqlite-key-store.ts'
import { alertStoreContract } from '../../../src/testing/alert-store-contract.ts'
import { claimStoreContract } from '../../../src/testing/claim-store-contract.ts'
import type { KeyStoreHarness } from '../../../src/testing/key-store/key-store-case.ts'
import { keyStoreContract } from '../../../src/testing/key-store-contract.ts'
import { ledgerContract } from '../../../src/testing/ledger-contract.ts'
import { usageStoreContract } from '../../../src/testing/usage-store-contract.ts'
import { temporaryFile } from './temporary-files.ts'

/** A harness whose `reopen` opens the same source once more; contracts are not about waiting, so nothing is held back. */
function harnessOver(open: (file: string) => string | SqliteHandle): KeyStoreHarness {
  const files = new Map<unknown, string>()
  return {
    createStore(clock) {
      const file = temporaryFile()
      const store = sqlite(open(file), { clock, noticeMs: 0 })
      files.set(store, file)
      return store
    },
    reopen: (store) => sqlite(open(files.get(store) ?? ''), { clock: store.clock, noticeMs: 0 }),
  }
}

const harnesses: Record<string, KeyStoreHarness> = {
  'a path': harnessOver((file) => file),
  'a handle of libsql': harnessOver((file) => new Libsql(file)),
  'a database in memory': {
    createStore: (clock) => sqlite(':memory:', { clock, noticeMs: 0 }),
    reopen: (store) => store as SqliteKeyStore,
  },
}

describe.each(Object.entries(harnesses))('the SQLite store over %s', (_, harness) => {
  it.each(keyStoreContract.map((each) => [each.name, each] as const))('%s', (_, { run }) => run(harness))

  describe('its ledger', () => {
    it.each(ledgerContract.map((each) => [each.name, each] as const))('%s', (_, { run }) => run(harness))
  })

  describe('its idempotency records', () => {
    it.each(claimStoreContract.map((each) => [each.name, each] as const))('%s', (_, { run }) => run(harness))
  })

  describe('its alerts', () => {
    it.each(alertStoreContract.map((each) => [each.name, each] as const))('%s', (_, { run }) => run(harness))
  })

  describe('its counts of requests', () => {
    it.each(usageStoreContract.map((each) => [each.name, each] as const))('%s', (_, { run }) => run(harness))
  })
})
