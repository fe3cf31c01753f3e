import { describe, it } from 'vitest'
import { storeKinds } from '../store-kinds.ts'
import { creditCases } from './credit-cases.ts'
import { runCase } from './exchange-case.ts'
import { frameworks } from './frameworks.ts'

describe.each(frameworks.map((framework) => [framework.name, framework] as const))(
  'credits on %s',
  (name, framework) => {
    describe.each(storeKinds)('over %s', (_, createStore) => {
      const fit = creditCases.filter(({ needsSocket }) => needsSocket !== true || name !== 'Hono')
      it.each(fit.map((each) => [each.name, each] as const))('%s', (_, each) => runCase(each, framework, createStore))
    })
  },
)
