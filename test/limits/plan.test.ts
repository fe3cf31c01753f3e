import { memory, type Window } from 'keyward'
import { describe, expect, it } from 'vitest'
import { planRequest } from '../../src/limits/plan.ts'
import { createPolicyBook } from '../../src/limits/policies.ts'
import { sampleKey } from '../../src/testing/key-store/samples.ts'

const minute: Window = { limit: 10, windowSeconds: 60 }
const day: Window = { limit: 100, windowSeconds: 86_400, per: 'owner' }
const book = createPolicyBook(memory({ losesDataOnExit: true }), { own: [minute, day], route: [day], small: [minute] })
const key = sampleKey({ id: 'key_2', lineage: 'key_1', owner: 'acme', policies: ['own'] })

function bucketsOf(...parameters: Parameters<typeof planRequest>) {
  return planRequest(...parameters)?.buckets.map(({ id, cost }) => [id, cost])
}

describe('the plan of a request', () => {
  it('counts a key’s own policies for its lineage and its owner, and a route’s under their names', () => {
    const plan = planRequest(book, key, { cost: 3, policies: ['route', 'small'] })
    expect(plan?.buckets).toEqual([
      { id: 'K:key_1', windows: [minute], cost: 3 },
      { id: 'O:acme', windows: [day], cost: 3 },
      { id: 'o:route:acme', windows: [day], cost: 3 },
      { id: 'k:small:key_1', windows: [minute], cost: 3 },
    ])
    expect(plan?.labels).toEqual(['own', 'own', 'route', 'small'])
  })

  it('has no bucket for a key and a route without policies', () => {
    expect(planRequest(book, sampleKey(), { cost: 1, policies: [] })?.buckets).toEqual([])
  })

  it('does not exist where a policy does not, of the key or of the route', () => {
    expect(planRequest(book, sampleKey({ policies: ['gone'] }), { cost: 1, policies: [] })).toBeUndefined()
    expect(planRequest(book, key, { cost: 1, policies: ['gone'] })).toBeUndefined()
  })

  it('keeps a bucket of cost 0, which shows its windows, unless it was counted before', () => {
    expect(bucketsOf(book, key, { cost: 0, policies: [] })).toEqual([
      ['K:key_1', 0],
      ['O:acme', 0],
    ])
    expect(bucketsOf(book, key, { cost: 0, policies: [] }, { cost: 0, policies: new Map() })).toEqual([])
  })

  it.each([
    ['less than before', 1, []],
    ['as much as before', 3, []],
    [
      'more than before',
      5,
      [
        ['K:key_1', 2],
        ['O:acme', 2],
      ],
    ],
  ])('counts of the key’s own policies only the difference: %s', (_how, cost, buckets) => {
    expect(bucketsOf(book, key, { cost, policies: [] }, { cost: 3, policies: new Map() })).toEqual(buckets)
  })

  it('counts of each of the route’s policies what it was not charged yet', () => {
    const counted = { cost: 5, policies: new Map([['small', 1]]) }
    expect(bucketsOf(book, key, { cost: 5, policies: ['small', 'route'] }, counted)).toEqual([
      ['k:small:key_1', 4],
      ['o:route:acme', 5],
    ])
  })

  it('asks with the same windows, by identity, until a policy changes', () => {
    const [one, two] = [1, 2].map((cost) => planRequest(book, sampleKey({ policies: ['own'] }), { cost, policies: [] }))
    expect(one?.buckets[0]?.windows).toBe(two?.buckets[0]?.windows)
  })
})
