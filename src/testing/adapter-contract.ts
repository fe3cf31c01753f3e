import type { AdapterCase } from './adapter/adapter-case.ts'
import { answerCases } from './adapter/answer-cases.ts'
import { exchangeCases } from './adapter/exchange-cases.ts'
import { headerCases } from './adapter/header-cases.ts'
import { limitCases } from './adapter/limit-cases.ts'
import { storeCases } from './adapter/store-cases.ts'

/**
 * Everything that an adapter promises, as named cases for any test runner, over real sockets: each also proves
 * whether the protected handler ran. There is nothing to skip: an adapter passes all of them or is not one.
 *
 * ```ts
 * import { test } from 'node:test'
 * import { adapterContract, type AdapterHarness } from 'keyward/testing'
 *
 * declare const harness: AdapterHarness
 * for (const { name, run } of adapterContract) test(name, () => run(harness))
 * ```
 */
export const adapterContract: readonly AdapterCase[] = [
  ...headerCases,
  ...limitCases,
  ...answerCases,
  ...storeCases,
  ...exchangeCases,
]
