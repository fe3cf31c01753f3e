import { describe, expect, it } from 'vitest'
import { createRequestIds } from '../../src/answers/request-id.ts'

const UUID = '[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}'

describe('a request id', () => {
  it('is the prefix and a UUID, and never comes twice', () => {
    const requestId = createRequestIds({ prefix: 'req_pi_', keepIncoming: false })
    const ids = new Set(Array.from({ length: 10_000 }, () => requestId(undefined)))
    expect(ids.size).toBe(10_000)
    for (const id of ids) expect(id).toMatch(new RegExp(`^req_pi_${UUID}$`))
  })

  it('255: is another one each of 1,000,000 times', () => {
    const requestId = createRequestIds({ prefix: 'req_', keepIncoming: false })
    const ids = new Set<string>()
    for (let count = 0; count < 1_000_000; count++) ids.add(requestId(undefined))
    expect(ids.size).toBe(1_000_000)
  })

  it('of a request is not kept by default', () => {
    expect(createRequestIds({ prefix: 'req_', keepIncoming: false })('mine')).toMatch(new RegExp(`^req_${UUID}$`))
  })

  it('of a request is kept where that was chosen, if it is well-formed', () => {
    const requestId = createRequestIds({ prefix: 'req_', keepIncoming: true })
    for (const id of ['a', 'req_1', 'A.b-c_9', 'x'.repeat(128)]) expect(requestId(id)).toBe(id)
    const wrong = ['', 'x'.repeat(129), 'a b', 'a\r\nX-Evil: 1', 'a\n', '\x1b[31m', '{"a":1}', '<script>', 'é', '🔑']
    for (const id of [undefined, ...wrong]) expect(requestId(id)).toMatch(new RegExp(`^req_${UUID}$`))
  })
})
