import { auditCases } from './key-store/audit-cases.ts'
import { auditPurgeCases } from './key-store/audit-purge-cases.ts'
import { auditTrailCases } from './key-store/audit-trail-cases.ts'
import { changeCases } from './key-store/change-cases.ts'
import { fenceCases } from './key-store/fence-cases.ts'
import type { KeyStoreCase } from './key-store/key-store-case.ts'
import { listCases } from './key-store/list-cases.ts'
import { policyCases } from './key-store/policy-cases.ts'
import { raceCases } from './key-store/race-cases.ts'
import { recordCases } from './key-store/record-cases.ts'
import { searchCases } from './key-store/search-cases.ts'
import { useCases } from './key-store/use-cases.ts'

/**
 * Everything that a `KeyStore` promises, as named cases for any test runner. There is nothing to skip: a store
 * passes all of them or is not one.
 * Give each case's name and `run(harness)` to your runner.
 */
export const keyStoreContract: readonly KeyStoreCase[] = [
  ...recordCases,
  ...changeCases,
  ...listCases,
  ...searchCases,
  ...useCases,
  ...auditCases,
  ...auditTrailCases,
  ...auditPurgeCases,
  ...policyCases,
  ...fenceCases,
  ...raceCases,
]
