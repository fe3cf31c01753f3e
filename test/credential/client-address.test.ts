import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  addressBudgetKey,
  type ClientAddressOption,
  createAddressMatcher,
  createAddressReader,
  isAddressRange,
} from '../../src/credential/client-address.ts'
import { headOfNode } from '../../src/credential/node-head.ts'
import { ConfigError } from '../../src/model/errors.ts'

function read(option: ClientAddressOption | undefined, peer: string | undefined, ...lines: readonly string[]) {
  const rawHeaders = ['Host', 'x', ...lines.flatMap((line) => ['X-Forwarded-For', line])]
  return createAddressReader(option)(headOfNode({ headers: {}, rawHeaders, socket: { remoteAddress: peer } }))
}

describe('the peer as client', () => {
  it.each([
    ['192.0.2.1', '192.0.2.1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['::FFFF:c000:201', '192.0.2.1'],
    ['2001:DB8:0:0::1', '2001:db8::1'],
    ['fe80::1%eth0', 'fe80::1'],
    ['::', '::'],
  ])('101, 102: %s is written as %s', (peer, address) => {
    expect(read('peer', peer, '203.0.113.9')).toBe(address)
    expect(read(undefined, peer)).toBe(address)
  })

  it('is unknown where the runtime does not tell, or tells something else', () => {
    expect(read('peer', undefined)).toBeUndefined()
    expect(read('peer', '/var/run/app.sock')).toBeUndefined()
    expect(read({ trustedProxies: ['10.0.0.0/8'] }, undefined, '192.0.2.1')).toBeUndefined()
  })
})

describe('a client behind trusted proxies', () => {
  const proxies = { trustedProxies: ['10.0.0.0/8', '2001:db8:ffff::/48', '127.0.0.1'] }

  it.each([
    ['the peer is no proxy: the header is its own invention', '203.0.113.5', ['192.0.2.1'], '203.0.113.5'],
    ['one hop', '10.0.0.1', ['192.0.2.1'], '192.0.2.1'],
    ['103: a fake hop in front', '10.0.0.1', ['1.1.1.1, 192.0.2.1'], '192.0.2.1'],
    ['103: a fake trusted hop in front', '10.0.0.1', ['10.9.9.9, 192.0.2.1'], '192.0.2.1'],
    ['103: a fake hop on a line of its own', '10.0.0.1', ['1.1.1.1', '192.0.2.1'], '192.0.2.1'],
    ['two proxies', '10.0.0.1', ['1.1.1.1, 192.0.2.1, 10.0.0.2'], '192.0.2.1'],
    ['two proxies on two lines', '10.0.0.1', ['192.0.2.1', '10.0.0.2'], '192.0.2.1'],
    ['a mapped peer', '::ffff:10.0.0.1', ['192.0.2.1'], '192.0.2.1'],
    ['a mapped client', '10.0.0.1', ['::ffff:192.0.2.1'], '192.0.2.1'],
    ['an IPv6 proxy and client', '2001:db8:ffff::7', ['2001:DB8::0:9'], '2001:db8::9'],
    ['a hop with a port', '10.0.0.1', ['192.0.2.1:4711'], '192.0.2.1'],
    ['an IPv6 hop with a port', '10.0.0.1', ['[2001:db8::9]:4711'], '2001:db8::9'],
    ['an IPv6 hop in brackets', '10.0.0.1', ['[2001:db8::9]'], '2001:db8::9'],
    ['no header', '10.0.0.1', [], '10.0.0.1'],
    ['an empty header', '10.0.0.1', [''], '10.0.0.1'],
    ['nothing but proxies', '10.0.0.1', ['10.0.0.3, 10.0.0.2'], '10.0.0.3'],
    ['garbage: the proxy that vouched for it', '10.0.0.1', ['192.0.2.1, unknown, 10.0.0.2'], '10.0.0.2'],
    ['a host name', '10.0.0.1', ['localhost'], '10.0.0.1'],
    ['an empty hop', '10.0.0.1', ['192.0.2.1,'], '10.0.0.1'],
    ['octal, which programs disagree on', '10.0.0.1', ['0300.0.2.1'], '10.0.0.1'],
    ['a number', '10.0.0.1', ['3221225985'], '10.0.0.1'],
    ['a short form', '10.0.0.1', ['192.1'], '10.0.0.1'],
    ['octal in a mapped address', '10.0.0.1', ['::ffff:0300.0.2.1'], '10.0.0.1'],
    ['too large a part', '10.0.0.1', ['256.0.2.1'], '10.0.0.1'],
  ])('is found from right to left: %s', (_, peer, lines, address) => {
    expect(read(proxies, peer, ...lines)).toBe(address)
  })

  it('is read from another header, in any case', () => {
    const reader = createAddressReader({ ...proxies, header: 'CF-Connecting-IP' })
    const rawHeaders = ['cf-connecting-ip', '192.0.2.1', 'X-Forwarded-For', '203.0.113.1']
    expect(reader(headOfNode({ headers: {}, rawHeaders, socket: { remoteAddress: '10.0.0.1' } }))).toBe('192.0.2.1')
  })

  it('is nobody but the peer when no proxy is trusted', () => {
    expect(read({ trustedProxies: [] }, '10.0.0.1', '192.0.2.1')).toBe('10.0.0.1')
  })

  it('235: is looked for in at most 32 hops', () => {
    const hops = Array.from({ length: 10_000 }, () => '10.0.0.2').join(',')
    expect(read(proxies, '10.0.0.1', `192.0.2.1,${hops}`)).toBe('10.0.0.2')
    const thirtyOne = Array.from({ length: 31 }, () => '10.0.0.2').join(',')
    expect(read(proxies, '10.0.0.1', `192.0.2.1,${thirtyOne}`)).toBe('192.0.2.1')
    expect(read(proxies, '10.0.0.1', '1'.repeat(100_000))).toBe('10.0.0.1')
    expect(read(proxies, '10.0.0.1', ':'.repeat(100_000))).toBe('10.0.0.1')
  })

  it('is never a fake one, whatever stands in front of what the proxy wrote, and nothing throws', () => {
    const fake = fc.oneof(fc.string({ unit: 'binary' }), fc.ipV4(), fc.ipV6(), fc.constantFrom('10.0.0.9', ',', ''))
    fc.assert(
      fc.property(fc.array(fake), (hops) => {
        expect(read(proxies, '10.0.0.1', [...hops, '192.0.2.1'].join(','))).toBe('192.0.2.1')
        read(proxies, '10.0.0.1', hops.join(','))
      }),
    )
  })

  it.each([
    ['a range that is none', { trustedProxies: ['10.0.0.0/33'] }, 'trustedProxies has "10.0.0.0/33"'],
    ['a name', { trustedProxies: ['loopback'] }, 'trustedProxies has "loopback"'],
    ['no list', { trustedProxies: '10.0.0.0/8' as unknown as string[] }, 'trustedProxies must be a list'],
    ['a header name that is none', { trustedProxies: [], header: 'x forwarded' }, 'header must be'],
    ['Forwarded', { trustedProxies: [], header: 'Forwarded' }, 'RFC 7239'],
  ])('is a ConfigError with %s', (_, option, message) => {
    expect(() => createAddressReader(option)).toThrow(ConfigError)
    expect(() => createAddressReader(option)).toThrow(message)
  })
})

describe('the budget of an address', () => {
  it('101: is one for all spellings of an IPv4 address, and another for another', () => {
    const keys = ['::ffff:1.2.3.4', '::ffff:102:304', '1.2.3.4'].map(addressBudgetKey)
    expect(new Set(keys)).toEqual(new Set(['1.2.3.4']))
    expect(addressBudgetKey('::ffff:5.6.7.8')).toBe('5.6.7.8')
  })

  it('102: is one for a /64 and for five spellings of one IPv6 address', () => {
    const addresses = Array.from(
      { length: 1_000 },
      (_, at) => `2001:db8:1:2:${at.toString(16)}::${(at * 7).toString(16)}`,
    )
    expect(new Set(addresses.map(addressBudgetKey))).toEqual(new Set(['2001:db8:1:2::/64']))
    const spellings = ['2001:db8::1', '2001:DB8::1', '2001:0db8:0:0:0:0:0:1', '2001:db8:0::0:1', '2001:db8::0.0.0.1']
    expect(new Set(spellings.map(addressBudgetKey)).size).toBe(1)
    expect(addressBudgetKey('2001:db8:1:3::')).not.toBe(addressBudgetKey('2001:db8:1:2::'))
  })

  it('243: is one for all that is no address', () => {
    expect(addressBudgetKey('x')).toBe(addressBudgetKey('y'.repeat(100_000)))
  })
})

describe('a list of allowed addresses', () => {
  it.each([
    ['10.0.0.0/8', '10.255.0.1', true],
    ['10.0.0.0/8', '11.0.0.1', false],
    ['10.0.0.1/8', '10.255.0.1', true],
    ['10.0.0.0/8', '::ffff:10.1.1.1', true],
    ['192.0.2.1', '192.0.2.1', true],
    ['192.0.2.1', '192.0.2.2', false],
    ['::ffff:10.0.0.0/104', '10.1.1.1', true],
    ['::ffff:10.0.0.0/104', '11.1.1.1', false],
    ['2001:db8::/32', '2001:db8:9::1', true],
    ['2001:db8::/32', '2001:db9::1', false],
    ['2001:db8::/33', '2001:db8:8000::1', false],
    ['2001:db8::1', '2001:DB8:0::1', true],
    ['::/0', '192.0.2.1', false],
    ['0.0.0.0/0', '192.0.2.1', true],
    ['10.0.0.0/8', 'garbage', false],
    ['garbage', '10.0.0.1', false],
  ])('%s and %s: %s', (range, address, expected) => {
    expect(createAddressMatcher([range])(address)).toBe(expected)
    expect(createAddressMatcher(['198.51.100.0/24', range])(address)).toBe(expected)
  })

  it('holds every address when empty, and no unknown one otherwise', () => {
    expect(createAddressMatcher([])(undefined)).toBe(true)
    expect(createAddressMatcher([])('garbage')).toBe(true)
    expect(createAddressMatcher(['0.0.0.0/0', '::/0'])(undefined)).toBe(false)
  })

  it.each(['10.0.0.0/8', '10.0.0.1', '0.0.0.0/0', '2001:db8::/32', '::', '::ffff:10.0.0.0/104'])(
    'may have %s',
    (text) => {
      expect(isAddressRange(text)).toBe(true)
    },
  )

  it.each([
    '',
    '/',
    '10.0.0.0/',
    '10.0.0.0/33',
    '10.0.0.0/-1',
    '10.0.0.0/08',
    '10.0.0.0/8/8',
    '10.0.0/8',
    '012.0.0.0/8',
    '0x0a.0.0.0/8',
    '::/129',
    '::ffff:10.0.0.0/95',
    'fe80::1%eth0',
    ' 10.0.0.1',
    'example.com',
    '1'.repeat(100_000),
  ])('may not have %.40s', (text) => {
    expect(isAddressRange(text)).toBe(false)
  })

  it('is judged without throwing, whatever it holds', () => {
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.ipV4Extended(),
      fc.ipV6(),
      fc.stringMatching(/^[0-9a-f:./%]*$/),
    )
    fc.assert(
      fc.property(text, text, (range, address) => {
        const isRange = isAddressRange(range)
        if (createAddressMatcher([range])(address)) expect(isRange).toBe(true)
        addressBudgetKey(address)
      }),
      { numRuns: 2_000 },
    )
  })
})
