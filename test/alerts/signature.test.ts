import { createHmac } from 'node:crypto'
import { verifyWebhook } from 'keyward'
import { describe, expect, it } from 'vitest'
import { createWebhookSigner, isWebhookSecret } from '../../src/alerts/webhook-signature.ts'
import { SECRET } from './receiver.ts'

/** The example of the specification's own libraries. */
const ID = 'msg_p5jXN8AQM9LWM0D4loKWxJek'
const SECONDS = 1_614_265_330
const BODY = '{"test": 2432232314}'
const SIGNATURE = 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE='

const headers = { 'webhook-id': ID, 'webhook-timestamp': String(SECONDS), 'webhook-signature': SIGNATURE }
const now = SECONDS * 1_000
const check = (changed: object = {}, body = BODY, secret = SECRET, at = now) =>
  verifyWebhook({ headers: { ...headers, ...changed }, body, secret }, at)

describe('the signature of a webhook', () => {
  it('is that of Standard Webhooks', async () => {
    expect(await createWebhookSigner(SECRET).sign(ID, SECONDS, BODY)).toBe(SIGNATURE)
    const key = Buffer.from(SECRET.slice('whsec_'.length), 'base64')
    const expected = createHmac('sha256', key).update(`${ID}.${SECONDS}.é`).digest('base64')
    expect(await createWebhookSigner(SECRET).sign(ID, SECONDS, 'é')).toBe(`v1,${expected}`)
  })

  it('is verified from an object of header fields, and from Headers', async () => {
    expect(await check()).toBe(true)
    expect(await verifyWebhook({ headers: new Headers(headers), body: BODY, secret: SECRET }, now)).toBe(true)
  })

  it('covers id, instant and body, by this secret', async () => {
    expect(await check({ 'webhook-id': `${ID}x` })).toBe(false)
    expect(await check({ 'webhook-timestamp': String(SECONDS + 1) })).toBe(false)
    expect(await check({}, `${BODY} `)).toBe(false)
    expect(await check({}, BODY, `whsec_${btoa('y'.repeat(24))}`)).toBe(false)
  })

  it('may be one of several, and none of another version', async () => {
    expect(await check({ 'webhook-signature': `v1,${btoa('x'.repeat(32))} ${SIGNATURE}` })).toBe(true)
    expect(await check({ 'webhook-signature': SIGNATURE.replace('v1', 'v1a') })).toBe(false)
    for (const wrong of ['', 'v1,', 'v1,===', SIGNATURE.slice(0, -4), SIGNATURE.toLowerCase()])
      expect(await check({ 'webhook-signature': wrong }), wrong).toBe(false)
  })

  it('is good for 5 minutes, in both directions', async () => {
    for (const [seconds, isGood] of [
      ...[[300, true] as const, [-300, true] as const, [301, false] as const, [-301, false] as const],
    ])
      expect(await check({}, BODY, SECRET, now + seconds * 1_000), `${seconds} s`).toBe(isGood)
    expect(await verifyWebhook({ headers, body: BODY, secret: SECRET, toleranceSeconds: 10 }, now + 11_000)).toBe(false)
    for (const wrong of ['', 'x', '1e9', '-1', `${SECONDS}.0`])
      expect(await check({ 'webhook-timestamp': wrong }), wrong).toBe(false)
  })

  it('takes a header that is missing for no signature', async () => {
    for (const name of Object.keys(headers)) expect(await check({ [name]: undefined }), name).toBe(false)
  })

  it('takes 24 to 64 bytes for a secret, and shows none that is wrong', async () => {
    const secretOf = (bytes: number) => `whsec_${Buffer.alloc(bytes, 7).toString('base64')}`
    expect([23, 24, 64, 65].map((bytes) => isWebhookSecret(secretOf(bytes)))).toEqual([false, true, true, false])
    for (const wrong of ['', 'whsec_', 'sk_live_secret', SECRET.slice(6), 'whsec_é'])
      expect(isWebhookSecret(wrong), wrong).toBe(false)
    await expect(check({}, BODY, 'a secret that is none')).rejects.toThrow(TypeError)
    await expect(check({}, BODY, 'a secret that is none')).rejects.not.toThrow(/that is none/)
  })
})
