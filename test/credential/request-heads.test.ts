import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { getRequestListener } from '@hono/node-server'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parseAuthorization } from '../../src/credential/authorization.ts'
import { headOfFetch } from '../../src/credential/fetch-head.ts'
import { headOfNode } from '../../src/credential/node-head.ts'
import { FieldNames, type RequestHead } from '../../src/credential/request-head.ts'

const KEY = 'sk_4fTq9ZbK'

/** Tells what a server sees of a request. */
function report(head: RequestHead): string {
  const lines = head.headerLines('authorization')
  return JSON.stringify({ ...parseAuthorization(lines), title: head.header('x-title') ?? null, method: head.method })
}

const listeners: readonly (readonly [string, RequestListener])[] = [
  ['Node request', (request, response) => void response.end(report(headOfNode(request)))],
  ['fetch request', getRequestListener((request) => new Response(report(headOfFetch(request))))],
]

describe.each(listeners)('the head of a %s, over a socket', (_, listener) => {
  const server = createServer(listener)
  beforeAll(async () => {
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
  })
  afterAll(() => void server.close())

  /** Sends bytes as they are and returns everything that comes back. */
  async function send(lines: readonly string[], rest = ''): Promise<string> {
    const socket = connect((server.address() as AddressInfo).port, '127.0.0.1')
    const chunks: Buffer[] = []
    socket.on('data', (chunk) => chunks.push(chunk))
    socket.write(
      Buffer.from(
        `${['GET / HTTP/1.1', 'Host: x', 'Connection: close', ...lines].join('\r\n')}\r\n\r\n${rest}`,
        'latin1',
      ),
    )
    await once(socket, 'close')
    return Buffer.concat(chunks).toString('latin1')
  }

  const cases: readonly (readonly [string, readonly string[], string])[] = [
    ['1: no line', [], 'missing_authorization_header'],
    ['2: another case', [`authorization: bEaReR ${KEY}`], KEY],
    ['2: another case of the name', [`AUTHORIZATION: Bearer ${KEY}`], KEY],
    ['3: three spaces', [`Authorization: Bearer   ${KEY}`], KEY],
    ['4: a tab', [`Authorization: Bearer\t${KEY}`], 'malformed_authorization_header'],
    ['5: the scheme alone', ['Authorization: Bearer'], 'missing_authorization_header'],
    ['5: the scheme and a space', ['Authorization: Bearer '], 'missing_authorization_header'],
    ['5: an empty value', ['Authorization:'], 'missing_authorization_header'],
    [
      '7: two lines',
      [`Authorization: Bearer ${KEY}`, `authorization: Bearer ${KEY}`],
      'malformed_authorization_header',
    ],
    [
      '7: two lines apart',
      [`Authorization: Bearer ${KEY}`, 'Accept: */*', 'Authorization: x'],
      'malformed_authorization_header',
    ],
    ['8: a list', [`Authorization: Bearer ${KEY}, Bearer ${KEY}`], 'malformed_authorization_header'],
    ['10: no scheme', [`Authorization: ${KEY}`], 'missing_authorization_header'],
    ['another field of the same length', [`Authorizatiom: Bearer ${KEY}`], 'missing_authorization_header'],
    ['23: a trailer', ['Transfer-Encoding: chunked', 'Trailer: Authorization'], 'missing_authorization_header'],
  ]
  it.each(cases)('gives the same answer, row %s', async (name, lines, expected) => {
    const trailer = name.startsWith('23') ? `1\r\nx\r\n0\r\nAuthorization: Bearer ${KEY}\r\n\r\n` : ''
    const answer = await send(lines, trailer)
    expect(answer).toMatch(/^HTTP\/1.1 200 /)
    expect(answer).toContain(`"${expected}"`)
  })

  it.each([
    ['13: a NUL', `Authorization: Bearer a\0b`],
    ['13: a bare CR', `Authorization: Bearer a\rb`],
    ['13: a bare LF', `Authorization: Bearer a\nb`],
    ['14: a folded line', `Authorization: Bearer\r\n ${KEY}`],
    ['14: a space before the colon', `Authorization : Bearer ${KEY}`],
  ])('is not made of what the HTTP parser refuses, row %s', async (_, line) => {
    expect(await send([line])).toMatch(/^HTTP\/1.1 400 /)
    expect(await send([`Authorization: Bearer ${KEY}`])).toContain(`"${KEY}"`)
  })

  it('16: gives obs-text bytes one character each', async () => {
    expect(await send(['X-Title: caf\xc3\xa9'])).toContain('"caf\xc3\x83\xc2\xa9"')
  })

  it('25: survives 2,100 headers', async () => {
    const many = Array.from({ length: 2_100 }, (_, at) => `a${at % 10}: 1`)
    const answer = await send([...many, `Authorization: Bearer ${KEY}`])
    expect(answer).toMatch(/missing_authorization_header|^HTTP\/1.1 431 |sk_/)
  })
})

describe('the head of a Node request', () => {
  const node = { method: 'POST', headers: {}, socket: { remoteAddress: '192.0.2.1' } }

  it('gives every line of a field in order, and the first alone', () => {
    const head = headOfNode({ ...node, rawHeaders: ['X-Title', 'one', 'Accept', '*/*', 'x-title', 'two'] })
    expect(head.headerLines('x-title')).toEqual(['one', 'two'])
    expect(head.header('x-title')).toBe('one')
    expect(head.header('accept')).toBe('*/*')
    expect(head.header('x-none')).toBeUndefined()
    expect(head.headerLines('x-none')).toEqual([])
  })

  it('gives all lines of some fields at once, in any case, and none of others', () => {
    const fields = new FieldNames(['referer', 'x-title'])
    const lines = (...rawHeaders: string[]) => headOfNode({ ...node, rawHeaders }).linesOf(fields)
    const one = lines('REFERER', 'one', 'Revered', 'x', 'X-Tiger', 'x', 'x-title', 'two', 'X-Title', 'three')
    expect(one).toBe('REFERER:one\nx-title:two\nX-Title:three\n')
    expect(lines('Accept', 'referer', 'X-Titles', 'x')).toBe('')
    expect(lines()).toBe('')
    const shim = headOfNode({
      ...node,
      rawHeaders: [],
      headers: { referer: 'one', 'x-title': ['two', 'three'], a: 'b' },
    })
    expect(shim.linesOf(fields)).toBe('referer:one\nx-title:two\nx-title:three\n')
  })

  it('never takes a value for a name', () => {
    const head = headOfNode({ ...node, rawHeaders: ['X-Any', 'authorization', 'X-Other', 'Bearer x'] })
    expect(head.headerLines('authorization')).toEqual([])
  })

  it('is read from the parsed headers when a shim brings no raw ones', () => {
    const headers = { authorization: 'Bearer x', 'set-cookie': ['a', 'b'] }
    const head = headOfNode({ ...node, headers, rawHeaders: [] })
    expect(head.headerLines('authorization')).toEqual(['Bearer x'])
    expect(head.headerLines('set-cookie')).toEqual(['a', 'b'])
    expect(head.header('set-cookie')).toBe('a')
    expect(head.header('x-none')).toBeUndefined()
  })

  it('tells method and peer, and does without a socket', () => {
    expect(headOfNode({ ...node, rawHeaders: [] })).toMatchObject({ method: 'POST', peerAddress: '192.0.2.1' })
    expect(headOfNode({ headers: {}, rawHeaders: [], socket: null }).peerAddress).toBeUndefined()
  })

  it('246: shows no header to whoever prints it', async () => {
    const { inspect } = await import('node:util')
    const head = headOfNode({ ...node, rawHeaders: ['Authorization', `Bearer ${KEY}`] })
    const request = new Request('http://x/', { headers: { authorization: `Bearer ${KEY}` } })
    for (const each of [head, headOfFetch(request, '192.0.2.1')]) {
      expect(inspect(each, { depth: 9, showHidden: true }) + JSON.stringify(each)).not.toContain(KEY)
    }
  })
})

describe('the head of a fetch request', () => {
  it('shows repeated lines as the list that the runtime makes of them', () => {
    const headers = new Headers([
      ['Authorization', `Bearer ${KEY}`],
      ['Authorization', `Bearer ${KEY}`],
    ])
    const head = headOfFetch(new Request('http://x/', { headers }), '192.0.2.1')
    expect(parseAuthorization(head.headerLines('authorization'))).toEqual({ refused: 'malformed_authorization_header' })
    expect(head).toMatchObject({ method: 'GET', peerAddress: '192.0.2.1' })
    expect(head.header('x-none')).toBeUndefined()
    expect(head.headerLines('x-none')).toEqual([])
  })

  it('gives all lines of some fields at once', () => {
    const headers = { Referer: 'one', 'X-Title': 'two', Accept: '*/*' }
    const head = headOfFetch(new Request('http://x/', { headers: { ...headers, referer: 'one' } }))
    expect(head.linesOf(new FieldNames(['x-title', 'referer']))).toBe('x-title:two\nreferer:one, one\n')
    expect(head.linesOf(new FieldNames(['x-none']))).toBe('')
  })
})
