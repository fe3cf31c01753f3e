import { z } from '@hono/zod-openapi'
import { type DenialCode, isServerFailure } from '../index.ts'
import { keyJson, keySchema } from './key-json.ts'
import type { ManageRouter } from './manage-router.ts'

const question = z
  .strictObject({
    apiKey: z.string().min(1, 'must not be empty'),
    scopes: z
      .array(
        z
          .string()
          .regex(
            /^[\x21\x23-\x5B\x5D-\x7E]{1,128}$/,
            'must be 1 to 128 printable ASCII characters without space, " and \\',
          ),
      )
      .max(100)
      .optional()
      .describe('Scopes that the key must have, all of them.'),
    cost: z
      .int()
      .min(0)
      .max(1_000_000_000)
      .optional()
      .describe('Units to count in each window; 1 by default, 0 counts nothing.'),
    address: z
      .union([z.ipv4(), z.ipv6()], 'must be an IP address')
      .optional()
      .describe('Address of the client that presented the key, for keys that are good from some addresses only.'),
  })
  .openapi('Verify')

const answer = z
  .object({
    valid: z.boolean(),
    code: z.string().optional().describe('Why not, as the API itself would say it; absent where the key is valid.'),
    key: keySchema.optional().describe('The key, where it is valid.'),
  })
  .openapi('Verification')

/** Adds the route by which services in other languages have API keys checked. It counts like a request. */
export function verifyRoute(router: ManageRouter): void {
  const { keyward } = router
  const invalid = (code: DenialCode) => ({ body: { valid: false, code: keyward.profile.answers[code].code } })

  router.add(
    {
      method: 'post',
      path: '/verify',
      summary:
        'Checks an API key, and counts it like a request. Of a key that is not good, nothing is told but a code.',
      scope: 'keyward:verify',
      body: question,
      success: { status: 200, schema: answer },
    },
    async ({ body, context }) => {
      if (!isOneWord(body.apiKey)) return invalid('invalid_api_key_format')
      const { key, code = 'invalid_api_key' } = await keyward.verify(body, context)
      if (key !== undefined) return { body: { valid: true, key: keyJson(key) } }
      return isServerFailure(code) ? { refused: code } : invalid(code)
    },
  )
}

/** Whether a text could stand in a header as one word: what could not, or not as it is, is no key. */
function isOneWord(text: string): boolean {
  return /^[\x21-\x2b\x2d-\x7e]+$/.test(text)
}
