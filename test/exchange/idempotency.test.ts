import { describe, it } from 'vitest'
import { storeKinds } from '../store-kinds.ts'
import { answerCases } from './answer-cases.ts'
import { claimCases } from './claim-cases.ts'
import { runCase } from './exchange-case.ts'
import { frameworks } from './frameworks.ts'

const cases = [...claimCases, ...answerCases]

describe.each(frameworks.map((framework) => [framework.name, framework] as const))(
  'idempotency on %s',
  (name, framework) => {
    describe.each(storeKinds)('over %s', (_, createStore) => {
      const fit = cases.filter(({ needsSocket }) => needsSocket !== true || name !== 'Hono')
      it.each(fit.map((each) => [each.name, each] as const))('%s', (_, each) => runCase(each, framework, createStore))
    })
  },
)
