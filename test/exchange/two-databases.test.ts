import { memory } from 'keyward'
import { describe, it } from 'vitest'
import { storeKinds } from '../store-kinds.ts'
import { creditCases } from './credit-cases.ts'
import { onExpress } from './express-server.ts'
import { openSite } from './site.ts'

/** With claims elsewhere, money goes first: nothing else may be different. */
describe.each(storeKinds)('credits with claims in another database, on Express over %s', (_, createStore) => {
  it.each(creditCases.map((each) => [each.name, each] as const))('%s', (_, each) =>
    each.run((options) => {
      const { claims } = memory({ losesDataOnExit: true })
      return openSite(onExpress, createStore, { ...options, idempotency: { ...options?.idempotency, store: claims } })
    }),
  )
})
