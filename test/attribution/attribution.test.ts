import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { getRequestListener } from '@hono/node-server'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { pipevideo } from '../../src/answers/pipevideo.ts'
import { type Attribution, sanitizeAttribution } from '../../src/attribution/attribution.ts'
import { headOfFetch } from '../../src/credential/fetch-head.ts'
import { headOfNode } from '../../src/credential/node-head.ts'

const nothing: Attribution = { referer: null, title: null, applicationName: null }

/** What is read of headers whose values are text, in UTF-8 as they come over the wire. */
function read(headers: { readonly [name: string]: string }): Attribution {
  const rawHeaders = Object.entries(headers).flatMap(([name, value]) => [name, Buffer.from(value).toString('latin1')])
  return sanitizeAttribution(headOfNode({ headers: {}, rawHeaders }), pipevideo.attribution)
}

const referer = (value: string) => read({ Referer: value }).referer
const title = (value: string) => read({ 'X-Title': value }).title
const url = (characters: number) => `https://app.example/${'a'.repeat(characters - 20)}`

describe('attribution', () => {
  it('is nothing when no header is there', () => {
    expect(read({ Accept: '*/*' })).toEqual(nothing)
  })

  it('is all three values when they are there', () => {
    const headers = { Referer: 'https://app.example/x?y=1', 'X-Title': 'My App', 'X-Application-Name': 'my-app' }
    expect(read(headers)).toEqual({ referer: 'https://app.example/x?y=1', title: 'My App', applicationName: 'my-app' })
  })

  it('157: prefers HTTP-Referer, X-Pipevideo-Title and X-Application-Name', () => {
    const headers = {
      Referer: 'https://second.example/',
      'HTTP-Referer': 'https://first.example/',
      'X-Title': 'second',
      'X-Pipevideo-Title': 'first',
      'X-App-Name': 'second',
      'X-Application-Name': 'first',
    }
    expect(read(headers)).toEqual({ referer: 'https://first.example/', title: 'first', applicationName: 'first' })
  })

  it('takes the second header when the first is not valid', () => {
    const headers = {
      'HTTP-Referer': 'javascript:alert(1)',
      Referer: 'https://second.example/',
      'X-Pipevideo-Title': ' \u200b ',
      'X-Title': 'second',
      'X-Application-Name': '',
      'X-App-Name': 'second',
    }
    expect(read(headers)).toEqual({ referer: 'https://second.example/', title: 'second', applicationName: 'second' })
  })

  it('158: ignores names with underscores', () => {
    expect(read({ HTTP_Referer: 'https://app.example/', X_Title: 'x', X_APP_NAME: 'x' })).toEqual(nothing)
  })
})

describe('a referer', () => {
  it.each([
    ['155: 2,048 characters', url(2_048), url(2_048)],
    ['155: 2,049 characters', url(2_049), null],
    ['2,048 characters that are more bytes', `${url(2_047)}é`, `${url(2_047)}é`],
    ['2,049 characters that are more bytes', `${url(2_048)}é`, null],
    ['163: an internal address, as text', 'http://169.254.169.254/', 'http://169.254.169.254/'],
    ['http', 'http://app.example', 'http://app.example'],
    ['a scheme in capitals, as sent', 'HTTPS://App.Example:443/A', 'HTTPS://App.Example:443/A'],
    ['white space around', ' \t https://app.example/ ', 'https://app.example/'],
    ['control and zero-width characters', 'https://app\u200b.exam\x01ple/', 'https://app.example/'],
    ['a fragment', 'https://app.example/#access_token=x', 'https://app.example/'],
    ['an empty fragment', 'https://app.example/#', 'https://app.example/'],
    ['user info', 'https://user:pass@app.example/x?y', 'https://app.example/x?y'],
    ['user info with an at sign', 'https://us@er:p@ss@app.example/x', 'https://app.example/x'],
    ['user info without a path', 'https://user@app.example', 'https://app.example'],
    ['user info before a query', 'https://user@app.example?a@b', 'https://app.example?a@b'],
    ['an at sign in the path', 'https://app.example/@me', 'https://app.example/@me'],
    ['an at sign after a backslash', 'https://app.example\\@me', 'https://app.example\\@me'],
    ['user info and three slashes', 'https:///user:pass@app.example/', null],
    ['user info and backslashes', 'https:\\\\user:pass@app.example/', null],
    ['no slashes', 'https:app.example', null],
    ['user info alone', 'https://user@', null],
    ['no host', 'https://', null],
    ['a port that is none', 'https://app.example:99999/', null],
    ['no scheme', 'app.example/x', null],
    ['ftp', 'ftp://app.example/', null],
    ['javascript', 'javascript://app.example/%0aalert(1)', null],
    ['data', 'data:text/html,x', null],
    ['the word null', 'null', null],
    ['about:blank', 'about:blank', null],
  ])('is read, or dropped: %s', (_, value, expected) => {
    expect(referer(value)).toBe(expected)
  })

  it.each([
    'http://localhost',
    'http://localhost:3000/x',
    'http://LOCALHOST/',
    'http://localhost./',
    'http://app.localhost:5173/',
    'http://127.0.0.1/',
    'http://127.255.3.4:8080/',
    'http://127.1/',
    'http://0x7f000001/',
    'http://2130706433/',
    'http://[::1]:3000/',
    'http://[0:0:0:0:0:0:0:1]/',
    'http://[::ffff:127.0.0.1]/',
    'http://user@localhost/',
  ])('of the own machine counts only with a title: %s', (value) => {
    expect(read({ Referer: value })).toEqual(nothing)
    expect(read({ Referer: value, 'X-App-Name': 'x' })).toEqual({ ...nothing, applicationName: 'x' })
    const stored = value.replace('user@', '')
    expect(read({ Referer: value, 'X-Title': 'x' })).toEqual({ ...nothing, referer: stored, title: 'x' })
    expect(read({ Referer: value, 'X-Title': '\u200b' })).toEqual(nothing)
  })

  it.each([
    'http://localhost.example/',
    'http://notlocalhost/',
    'http://128.0.0.1/',
    'http://app.example/localhost',
    'http://localhost@app.example/',
    'http://[::2]/',
  ])('of another machine needs no title: %s', (value) => {
    expect(referer(value)).not.toBeNull()
  })
})

describe('a title or application name', () => {
  it.each([
    ['160: 256 characters', 'a'.repeat(256), 'a'.repeat(256)],
    ['160: 257 characters', 'a'.repeat(257), 'a'.repeat(256)],
    ['160: 5,000 characters', 'a'.repeat(5_000), 'a'.repeat(256)],
    ['256 characters of three bytes', 'あ'.repeat(256), 'あ'.repeat(256)],
    ['257 pairs of surrogates', '🎬'.repeat(257), '🎬'.repeat(256)],
    ['a pair at the border', `${'a'.repeat(255)}🎬b`, `${'a'.repeat(255)}🎬`],
    ['invisible characters before the border', `${'\u200b'.repeat(300)}${'a'.repeat(300)}`, 'a'.repeat(256)],
    ['UTF-8', 'Café ☕', 'Café ☕'],
    ['white space', ' \t My App\u00a0 ', 'My App'],
    ['white space within', 'My  App', 'My  App'],
    ['248: newlines and escapes', 'a\r\nb\x1b[31mc\x9bd\x7fe\u2028f', 'ab[31mcdef'],
    ['bidirectional controls', '\u202eevil\u202c \u2066x\u2069\u061c\u200f', 'evil x'],
    ['zero-width characters', 'a\u200bb\u200cc\u200dd\u2060e\ufefff', 'abcdef'],
    ['tags, which spell text that nobody sees', 'a\u{e0041}\u{e007f}b', 'ab'],
    ['white space behind what is not seen', '\u200b a \u200b', 'a'],
    ['248: JSON and markup, as text', '{"a":"<b>"}', '{"a":"<b>"}'],
    ['nothing', '', null],
    ['nothing that is seen', ' \u200b\x01 ', null],
  ])('is cleaned, then cut: %s', (_, value, expected) => {
    expect(title(value)).toBe(expected)
    expect(read({ 'X-App-Name': value }).applicationName).toBe(expected)
  })

  it('stays as its bytes are when they are no UTF-8', () => {
    const raw = (value: string) =>
      sanitizeAttribution(headOfNode({ headers: {}, rawHeaders: ['X-Title', value] }), pipevideo.attribution).title
    expect(raw('caf\xe9')).toBe('café')
    expect(raw('caf\xc3\xa9')).toBe('café')
    expect(raw('☕ \xe9')).toBe('☕ é')
    expect(raw('a\ud800b')).toBe('ab')
  })
})

describe('any values', () => {
  const name = fc.constantFrom('HTTP-Referer', 'Referer', 'X-Pipevideo-Title', 'X-Title', 'X-App-Name')
  const piece = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.webUrl({ withFragments: true, withQueryParameters: true }),
    fc.constantFrom(
      'http://',
      'https://',
      '@',
      ':',
      '/',
      '\\',
      '#',
      '?',
      'localhost',
      '[::1]',
      '\u202e',
      '\xe9',
      '\ud83c',
    ),
  )
  const value = fc.array(piece, { maxLength: 8 }).map((pieces) => pieces.join(''))

  it('are read without throwing, and what comes out is clean', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(name, value), { maxLength: 6 }), (pairs) => {
        const head = headOfNode({ headers: {}, rawHeaders: pairs.flat() })
        const result = sanitizeAttribution(head, pipevideo.attribution)
        for (const text of [result.title, result.applicationName]) {
          if (text === null) continue
          expect([...text].length).toBeLessThanOrEqual(256)
          expect(text).not.toMatch(/[\p{Cc}\p{Cs}\u200b-\u200f\u202a-\u202e\u2066-\u2069]|^\s|^$/u)
        }
        if (result.referer === null) return
        const parsed = new URL(result.referer)
        expect(parsed.protocol).toMatch(/^https?:$/)
        expect([parsed.username, parsed.password, parsed.hash]).toEqual(['', '', ''])
        expect([...result.referer].length).toBeLessThanOrEqual(2_048)
      }),
      { numRuns: 5_000 },
    )
  })

  it('lose user info and fragment, and nothing else', () => {
    fc.assert(
      fc.property(value, (tail) => {
        const sent = `https://${tail}`
        const stored = sanitizeAttribution(headOfNode({ headers: {}, rawHeaders: ['Referer', sent, 'X-Title', 'x'] }), {
          ...pipevideo.attribution,
        }).referer
        if (stored === null || !/^[\x21-\x7e]*$/.test(sent)) return
        const expected = new URL(sent)
        expected.username = ''
        expected.password = ''
        expected.hash = ''
        expect(new URL(stored).href).toBe(expected.href)
      }),
      { numRuns: 5_000 },
    )
  })

  it.each([
    ['one character', 'a'.repeat(100_000)],
    ['zero-width characters', '\u200b'.repeat(33_000)],
    ['bytes that are almost UTF-8', `${'\xc3\xa9'.repeat(50_000)}\xff`],
    ['slashes', `https://${'/'.repeat(100_000)}`],
    ['at signs', `https://${'@'.repeat(100_000)}x`],
    ['dots', `https://${'a.'.repeat(1_000)}localhost.x/`],
    ['white space', `a${' '.repeat(100_000)}b`],
  ])('161, 235: of 100 KB are read in time linear in their length: %s', (_, text) => {
    const rawHeaders = ['Referer', text, 'X-Title', text, 'X-App-Name', text]
    const result = sanitizeAttribution(headOfNode({ headers: {}, rawHeaders }), pipevideo.attribution)
    expect(result.referer?.length ?? 0).toBeLessThanOrEqual(2_048)
  })
})

const report = (attribution: Attribution) => JSON.stringify(attribution)
const listeners: readonly (readonly [string, RequestListener])[] = [
  [
    'Node request',
    (request, response) => void response.end(report(sanitizeAttribution(headOfNode(request), pipevideo.attribution))),
  ],
  [
    'fetch request',
    getRequestListener(
      (request) => new Response(report(sanitizeAttribution(headOfFetch(request), pipevideo.attribution))),
    ),
  ],
]

describe.each(listeners)('the attribution of a %s, over a socket', (_, listener) => {
  const server = createServer(listener)
  beforeAll(async () => {
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
  })
  afterAll(() => void server.close())

  async function send(lines: readonly string[]): Promise<unknown> {
    const socket = connect((server.address() as AddressInfo).port, '127.0.0.1')
    const chunks: Buffer[] = []
    socket.on('data', (chunk) => chunks.push(chunk))
    socket.write(`${['GET / HTTP/1.1', 'Host: x', 'Connection: close', ...lines].join('\r\n')}\r\n\r\n`, 'utf8')
    await once(socket, 'close')
    return JSON.parse(
      Buffer.concat(chunks)
        .toString('utf8')
        .match(/\{.*\}/)?.[0] ?? 'null',
    )
  }

  it('157: is read from UTF-8 bytes, with the same winner', async () => {
    const lines = ['Referer: https://b.example/', 'HTTP-Referer: https://a.example/é', 'X-Title: Café ☕ 🎬']
    expect(await send(lines)).toEqual({ referer: 'https://a.example/é', title: 'Café ☕ 🎬', applicationName: null })
  })

  it('158: has nothing of names with underscores', async () => {
    expect(await send(['HTTP_Referer: https://a.example/', 'X_Title: x'])).toEqual(nothing)
  })

  it('takes repeated lines as one list', async () => {
    const lines = ['X-Title: One', 'x-title: Two', 'Referer: https://a.example/', 'Referer: https://b.example/']
    expect(await send(lines)).toMatchObject({ title: 'One, Two', referer: 'https://a.example/, https://b.example/' })
  })
})
