import { createSign, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import express from 'express'
import { ConfigError, createKeyward, type KeywardEvent, type KeywardOptions, type Leak, memory } from 'keyward'
import { githubPublicKeys, type LeakReportsOptions, leakReports } from 'keyward/manage'
import { sqlite } from 'keyward/sqlite'
import { describe, expect, it, onTestFinished } from 'vitest'
import { isSignedBy } from '../../src/manage/report-signature.ts'
import { createScannerKeys } from '../../src/manage/scanner-keys.ts'
import { listen, type Mount, mountNames, mounts } from './mounts.ts'

const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const pem = publicKey.export({ type: 'spki', format: 'pem' }) as string
const IDENTIFIER = 'f9525bf080f75b35'
const list = [{ identifier: IDENTIFIER, publicKey: pem }]

const sign = (body: string, by: KeyObject = privateKey) => createSign('SHA256').update(body).sign(by).toString('base64')
const reportOf = (...tokens: string[]) =>
  JSON.stringify(
    tokens.map((token) => ({ token, type: 'acme_key', url: 'https://github.com/acme/app/a.ts', source: 'content' })),
  )

interface DeskOptions {
  readonly mount?: Mount
  readonly reports?: Partial<LeakReportsOptions>
  readonly keyward?: Partial<KeywardOptions>
}

async function openDesk({ mount = mounts.express, reports, keyward: more }: DeskOptions = {}) {
  const events: KeywardEvent[] = []
  const told: Leak[] = []
  const keyward = createKeyward({
    store: memory({ losesDataOnExit: true }),
    clientAddress: 'peer',
    onEvent: (event) => events.push(event),
    ...more,
  })
  const webhook = leakReports(keyward, { publicKeys: list, onLeak: (leak) => void told.push(leak), ...reports })
  const { url, port, close } = await mount(webhook)
  onTestFinished(async () => {
    await close()
    await keyward.close()
  })
  async function post(body: string | Uint8Array<ArrayBuffer>, headers: Readonly<Record<string, string>> = {}) {
    const response = await fetch(url, {
      method: 'POST',
      headers: {
        'Content-Type': 'application/json',
        'Github-Public-Key-Identifier': IDENTIFIER,
        ...(typeof body === 'string' && { 'Github-Public-Key-Signature': sign(body) }),
        ...headers,
      },
      body,
    })
    const text = await response.text()
    return {
      status: response.status,
      headers: response.headers,
      text,
      body: text === '' ? undefined : JSON.parse(text),
    }
  }
  const isGood = async (apiKey: string) => !(await keyward.authenticate({ authorization: `Bearer ${apiKey}` })).denied
  return { keyward, events, told, url, port, post, isGood }
}

describe.each(mountNames)('a report of a secret scanner, on %s', (name) => {
  it('40: with a valid signature revokes the live key, audits it, tells the owner, and labels each match', async () => {
    const desk = await openDesk({ mount: mounts[name] })
    const { apiKey, id } = await desk.keyward.keys.create({ owner: 'acme', name: 'leaked' })
    expect(await desk.isGood(apiKey)).toBe(true)

    const answer = await desk.post(reportOf(apiKey, 'sk_unknown'))

    expect(answer.status).toBe(200)
    expect(answer.headers.get('content-type')).toBe('application/json; charset=utf-8')
    expect(answer.body).toEqual([
      { token_hash: await hex(apiKey), token_type: 'acme_key', label: 'true_positive' },
      { token_hash: await hex('sk_unknown'), token_type: 'acme_key', label: 'false_positive' },
    ])
    expect(await desk.isGood(apiKey)).toBe(false)
    expect(desk.told).toMatchObject([{ key: { id, state: 'revoked' }, isNew: true, fenced: true }])
    const { items } = await desk.keyward.audit.list({ keyId: id, action: 'key.revoked' })
    const place = { type: 'acme_key', url: 'https://github.com/acme/app/a.ts', source: 'content' }
    expect(items).toMatchObject([
      { actor: 'secret-scanning', address: '127.0.0.1', requestId: answer.headers.get('x-request-id') },
    ])
    expect(items[0]?.details).toMatchObject({ reason: 'leaked', places: [place] })
    expect(JSON.stringify([items, desk.told, desk.events, answer.text])).not.toContain(apiKey)
  })

  it('41: is refused with a wrong signature, an unknown key identifier or a body written anew, and revokes nothing', async () => {
    const desk = await openDesk({ mount: mounts[name] })
    const { apiKey } = await desk.keyward.keys.create({ owner: 'acme', name: 'safe' })
    const body = reportOf(apiKey)
    const stranger = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
    const signature = 'Github-Public-Key-Signature'
    const attempts: readonly [string, string, Record<string, string>][] = [
      ['signed by another key', body, { [signature]: sign(body, stranger) }],
      ['signed for another body', body, { [signature]: sign('[]') }],
      ['an unknown key', body, { 'Github-Public-Key-Identifier': 'unknown' }],
      ['a signature that is none', body, { [signature]: 'none' }],
      ['a signature of zeros', body, { [signature]: 'MAYCAQACAQA=' }],
      ['an empty signature', body, { [signature]: '' }],
      ['written anew', JSON.stringify(JSON.parse(body), null, 1), { [signature]: sign(body) }],
      ['with a line feed', `${body}\n`, { [signature]: sign(body) }],
    ]
    for (const [what, sent, headers] of attempts) {
      const answer = await desk.post(sent, headers)
      expect(answer.status, what).toBe(401)
      expect(answer.body.error.code, what).toBe('invalid_signature')
      expect(answer.headers.get('www-authenticate'), what).toContain('Bearer')
    }
    const unsigned = await fetch(desk.url, { method: 'POST', body })
    expect(unsigned.status).toBe(401)
    expect(await desk.isGood(apiKey)).toBe(true)
    expect(desk.told).toEqual([])
    expect((await desk.keyward.audit.list({ action: 'key.revoked' })).items).toEqual([])
    expect((await desk.keyward.audit.list({ action: 'manage.refused' })).items).toEqual([])
    expect(desk.events.filter(({ type }) => type === 'manage_refused')).toHaveLength(attempts.length + 1)
  })

  it.each([
    ['no JSON', 'nonsense'],
    ['no array', '{"token":"x"}'],
    ['an array of texts', '["x"]'],
    ['a token that is no text', '[{"token":7}]'],
  ])('is 400 when its body is signed and is %s', async (_what, body) => {
    const desk = await openDesk({ mount: mounts[name] })
    const answer = await desk.post(body)
    expect(answer.status).toBe(400)
    expect(answer.body.error.code).toBe('bad_request')
  })

  it('may have no match, or fields that are not known', async () => {
    const desk = await openDesk({ mount: mounts[name] })
    expect(await desk.post('[]')).toMatchObject({ status: 200, body: [] })
    expect(await desk.post('[{"token":"x","url":null,"more":{}}]')).toMatchObject({ status: 200 })
  })

  it('is read by no other method', async () => {
    const desk = await openDesk({ mount: mounts[name] })
    const answer = await fetch(desk.url)
    expect(answer.status).toBe(405)
    expect(answer.headers.get('allow')).toBe('POST')
  })
})

describe('a report', () => {
  it('41: of 10,000 matches is handled in less than 30 s, on a file', { timeout: 120_000 }, async () => {
    const folder = mkdtempSync(join(tmpdir(), 'leaks-'))
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
    const desk = await openDesk({ keyward: { store: sqlite(join(folder, 'keys.db')) } })
    const keys = await Promise.all(
      Array.from({ length: 1_000 }, (_, at) => desk.keyward.keys.create({ owner: 'acme', name: `key ${at}` })),
    )
    const strangers = Array.from({ length: 9_000 }, () => desk.keyward.profile.keyFormat.make())
    const startedAt = performance.now()
    const answer = await desk.post(reportOf(...keys.map(({ apiKey }) => apiKey), ...strangers))
    const seconds = (performance.now() - startedAt) / 1_000
    expect(seconds).toBeLessThan(30)
    const labels = (answer.body as { readonly label: string }[]).map(({ label }) => label)
    expect(labels.filter((label) => label === 'true_positive')).toHaveLength(1_000)
    expect(labels.slice(1_000)).not.toContain('true_positive')
    expect(desk.told).toHaveLength(1_000)
    expect((await desk.keyward.keys.list({ state: 'active' })).items).toEqual([])
  })

  it('is 413 when it has more than 10 MB, and revokes nothing', async () => {
    const desk = await openDesk()
    const { apiKey } = await desk.keyward.keys.create({ owner: 'acme', name: 'safe' })
    const body = `${reportOf(apiKey)}${' '.repeat(10_000_000)}`
    const answer = await desk.post(body)
    expect(answer.status).toBe(413)
    expect(await desk.isGood(apiKey)).toBe(true)
  })

  it('of a stranger is refused before its body is there', async () => {
    const desk = await openDesk()
    const status = await new Promise((resolve, reject) => {
      const headers = {
        'Content-Length': '9000000',
        'Github-Public-Key-Identifier': 'unknown',
        'Github-Public-Key-Signature': 'x',
      }
      const sent = request({ port: desk.port, host: '127.0.0.1', path: '/manage', method: 'POST', headers })
      sent.on('response', (response) => {
        resolve(response.statusCode)
        sent.destroy()
      })
      sent.on('error', reject)
      sent.flushHeaders()
    })
    expect(status).toBe(401)
  })

  it('whose body a parser of the host has read is refused: it is not what was signed', async () => {
    const desk = await openDesk({
      mount: (api) => listen(createServer(express().use(express.json()).use('/manage', api.express()))),
    })
    const { apiKey } = await desk.keyward.keys.create({ owner: 'acme', name: 'safe' })
    const spaced = JSON.stringify(JSON.parse(reportOf(apiKey)), null, 2)
    expect((await desk.post(spaced)).status).toBe(401)
    expect(await desk.isGood(apiKey)).toBe(true)
  })

  it('is 500 when an owner could not be told, after all keys were revoked and all owners tried', async () => {
    const tried: string[] = []
    const desk = await openDesk({
      reports: {
        onLeak({ key }) {
          tried.push(key.name)
          if (key.name === 'one') throw new Error('The mail server is away.')
        },
      },
    })
    const one = await desk.keyward.keys.create({ owner: 'acme', name: 'one' })
    const two = await desk.keyward.keys.create({ owner: 'umbrella', name: 'two' })
    const answer = await desk.post(reportOf(one.apiKey, two.apiKey))
    expect(answer.status).toBe(500)
    expect(answer.text).not.toContain('mail server')
    expect(tried.sort()).toEqual(['one', 'two'])
    expect([await desk.isGood(one.apiKey), await desk.isGood(two.apiKey)]).toEqual([false, false])
    expect(desk.events).toContainEqual(expect.objectContaining({ type: 'failed' }))
  })

  it('is 503 while the public keys cannot be fetched, and revokes nothing', async () => {
    const desk = await openDesk({
      reports: {
        publicKeys() {
          throw new Error('away')
        },
      },
    })
    const { apiKey } = await desk.keyward.keys.create({ owner: 'acme', name: 'leaked' })
    const answer = await desk.post(reportOf(apiKey))
    expect(answer.status).toBe(503)
    expect(answer.headers.get('retry-after')).toBe('1')
    expect(await desk.isGood(apiKey)).toBe(true)
  })

  it.each([
    ['without public keys', {}],
    ['with a hook that is none', { publicKeys: list, onLeak: true }],
    ['with an id that is none', { publicKeys: list, actorId: '' }],
  ])('has no webhook %s', (_what, options) => {
    const keyward = createKeyward({ store: memory({ losesDataOnExit: true }) })
    expect(() => leakReports(keyward, options as unknown as LeakReportsOptions)).toThrow(ConfigError)
  })
})

describe('the public keys of a scanner', () => {
  const START = Date.UTC(2026, 0, 1)
  const counted = (answers: () => typeof list) => {
    let calls = 0
    const keys = createScannerKeys(async () => {
      calls++
      return answers()
    })
    return { keys, calls: () => calls }
  }

  it('are fetched once in an hour, and once in a minute for names that are not among them', async () => {
    const { keys, calls } = counted(() => list)
    await Promise.all(Array.from({ length: 20 }, () => keys.find(IDENTIFIER, START)))
    expect(await keys.find(IDENTIFIER, START)).toBe(pem)
    expect(calls()).toBe(1)
    for (let at = 0; at < 1_000; at++) expect(await keys.find(`made up ${at}`, START + at * 59)).toBeUndefined()
    expect(calls()).toBe(1)
    await keys.find('made up', START + 60_000)
    expect(calls()).toBe(2)
    await keys.find(IDENTIFIER, START + 3_600_000)
    expect(calls()).toBe(2)
    await keys.find(IDENTIFIER, START + 3_660_000)
    expect(calls()).toBe(3)
  })

  it('are known once the scanner has a new one, and unknown once it has not', async () => {
    let now = list
    const { keys } = counted(() => now)
    await keys.find(IDENTIFIER, START)
    now = [{ identifier: 'next', publicKey: pem }]
    expect(await keys.find('next', START + 61_000)).toBe(pem)
    expect(await keys.find(IDENTIFIER, START + 61_001)).toBeUndefined()
  })

  it('are used for a day while they cannot be fetched, and not longer', async () => {
    let isAway = false
    const { keys, calls } = counted(() => {
      if (isAway) throw new Error('away')
      return list
    })
    await keys.find(IDENTIFIER, START)
    isAway = true
    expect(await keys.find(IDENTIFIER, START + 86_399_999)).toBe(pem)
    await expect(keys.find(IDENTIFIER, START + 86_400_000)).rejects.toMatchObject({ code: 'service_unavailable' })
    const before = calls()
    await expect(keys.find(IDENTIFIER, START + 86_400_001)).rejects.toThrow()
    expect(calls()).toBe(before)
    isAway = false
    expect(await keys.find(IDENTIFIER, START + 86_410_000)).toBe(pem)
  })

  it('of GitHub come from its list', async () => {
    const asked: [string, RequestInit | undefined][] = []
    const source = githubPublicKeys({
      token: 'token-of-github',
      fetch: async (address, init) => {
        asked.push([String(address), init])
        return Response.json({ public_keys: [{ key_identifier: IDENTIFIER, key: pem, is_current: true }] })
      },
    })
    expect(await source()).toEqual(list)
    expect(asked[0]?.[0]).toBe('https://api.github.com/meta/public_keys/secret_scanning')
    expect(new Headers(asked[0]?.[1]?.headers).get('authorization')).toBe('Bearer token-of-github')
  })

  it.each([
    ['an error', () => new Response('', { status: 403 })],
    ['nonsense', () => Response.json({ public_keys: [] })],
  ])('of GitHub are not taken from %s', async (_what, answer) => {
    await expect(githubPublicKeys({ fetch: async () => answer() })()).rejects.toThrow()
  })
})

describe('a signature', () => {
  // The sample of GitHub's documentation: key, body and signature.
  const sample = {
    pem: '-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEsz9ugWDj5jK5ELBK42ynytbo38gP\nHzZFI03Exwz8Lh/tCfL3YxwMdLjB+bMznsanlhK0RwcGP3IDb34kQDIo3Q==\n-----END PUBLIC KEY-----\n',
    signature: 'MEUCIFLZzeK++IhS+y276SRk2Pe5LfDrfvTXu6iwKKcFGCrvAiEAhHN2kDOhy2I6eGkOFmxNkOJ+L2y8oQ9A2T9GGJo6WJY=',
    body: '[{"token":"some_token","type":"some_type","url":"some_url","source":"some_source"}]',
  }
  const bytes = (text: string) => new TextEncoder().encode(text)

  it('of the sample in the documentation of GitHub is good, and is not for one changed byte', async () => {
    expect(await isSignedBy(sample.pem, sample.signature, bytes(sample.body))).toBe(true)
    expect(await isSignedBy(sample.pem, sample.signature, bytes(sample.body.replace('some_url', 'Some_url')))).toBe(
      false,
    )
  })

  it('is good for every length that its numbers may have', async () => {
    for (let at = 0; at < 300; at++) {
      const body = `[${at}]`
      expect(await isSignedBy(pem, sign(body), bytes(body)), body).toBe(true)
    }
  })

  it.each([
    ['is cut', (der: Buffer) => der.subarray(0, -1)],
    ['goes on behind its end', (der: Buffer) => Buffer.concat([der, Buffer.from([0])])],
    ['has another tag', (der: Buffer) => Buffer.concat([Buffer.from([0x31]), der.subarray(1)])],
    ['has a number that is too long', () => Buffer.from(`3026022101${'ff'.repeat(32)}020101`, 'hex')],
    ['claims more than there is', () => Buffer.from('3006020101027f01', 'hex')],
  ])('is none when it %s', async (_what, change) => {
    const der = change(Buffer.from(sample.signature, 'base64'))
    expect(await isSignedBy(sample.pem, der.toString('base64'), bytes(sample.body))).toBe(false)
  })
})

async function hex(text: string): Promise<string> {
  return Buffer.from(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text))).toString('hex')
}
