import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { rankingKey } from '../../src/attribution/referer.ts'

describe('what a referer is ranked under', () => {
  it('164: is one for all spellings of an address', () => {
    const spellings = [
      'https://xn--bcher-kva.example/shop',
      'https://bücher.example/shop',
      'https://BÜCHER.Example/shop',
      'HTTPS://bücher.example:443/shop',
      'https://bücher.example./shop',
      'https://bücher.example/x/../shop?utm=1',
    ]
    expect(new Set(spellings.map(rankingKey))).toEqual(new Set(['https://xn--bcher-kva.example/shop']))
  })

  it.each([
    ['https://app.example', 'https://app.example/'],
    ['http://app.example:8080/a/b?c=d', 'http://app.example:8080/a/b'],
    ['http://app.example.:8080/', 'http://app.example:8080/'],
    ['http://[::1]:3000/x', 'http://[::1]:3000/x'],
  ])('is origin and path: %s', (referer, key) => {
    expect(rankingKey(referer)).toBe(key)
  })

  it('tells scheme, port and path apart', () => {
    const referers = ['https://a.example/', 'http://a.example/', 'https://a.example:8443/', 'https://a.example/b']
    expect(new Set(referers.map(rankingKey)).size).toBe(4)
  })

  it('is nothing for nothing, and never throws', () => {
    expect(rankingKey(null)).toBeNull()
    expect(rankingKey('ftp://a.example/')).toBeNull()
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (tail) => void rankingKey(`http://${tail}`)))
  })
})
