import { describe, expect, it } from 'vitest'
import { RouteNames } from '../../src/usage/route-name.ts'

describe('the name of a route', () => {
  it.each([
    [{ path: '/v1/videos/:id' }, 'GET /v1/videos/:id'],
    [{ mount: '', path: '/v1/videos/:id' }, 'GET /v1/videos/:id'],
    [{ mount: '/v1/image-sets', path: '/' }, 'GET /v1/image-sets'],
    [{ mount: '/v1', path: '/:id' }, 'GET /v1/:id'],
    [{ path: /^\/items\/(\d+)$/ }, 'GET /^\\/items\\/(\\d+)$/'],
    [{ path: undefined }, ''],
    [undefined, ''],
  ])('is the method and the pattern of %j', (pattern, name) => {
    expect(new RouteNames().of('GET', pattern)).toBe(name)
  })

  it('has nothing of what a client sent for a parameter of a mount', () => {
    const sent = ['/teams/41', '/teams/k%C3%A9', '/teams/a.b', `/teams/${'x'.repeat(40)}`, '/teams/sk_live_0a1b2c3d']
    for (const mount of sent) expect(new RouteNames().of('GET', { mount, path: '/' })).toBe('GET /teams/:')
  })

  it('has at most 200 characters, no control character and no half of one', () => {
    expect(new RouteNames().of('GET', { path: `/${'x'.repeat(300)}` })).toHaveLength(200)
    expect(new RouteNames().of('GET', { path: '/a\u0000b\ud83d' })).toBe('GET /ab')
    const cut = new RouteNames().of('GET', { path: `/${'\u{1f511}'.repeat(300)}` })
    expect(cut).not.toMatch(/\p{Cs}/u)
  })

  it('is empty where the framework cannot tell: no request breaks over it', () => {
    const throwing = () => {
      throw new Error('no route')
    }
    expect(new RouteNames().of('GET', throwing)).toBe('')
  })

  it('is the same when it is asked for again, and after a thousand others', () => {
    const names = new RouteNames()
    for (const round of [1, 2, 3])
      for (let route = 0; route < 700; route += 1)
        for (const [mount, name] of [
          ['', `GET /${route}`],
          ['/teams/41', `GET /teams/:/${route}`],
        ] as const)
          expect(names.of('GET', { mount, path: `/${route}` }), `round ${round}`).toBe(name)
    expect(names.of('POST', { path: '/1' })).toBe('POST /1')
  })
})
