import { createKeyFormat } from '../credential/key-format.ts'
import { createProfile, defaultProfile } from './profile.ts'

/** Texts that VisionPipe's documentation names; two ways to lack a credential have one. */
const TEXTS: { readonly [code: string]: string } = {
  missing_authorization_header: 'Missing or invalid Authorization header',
  malformed_authorization_header: 'Missing or invalid Authorization header',
  invalid_api_key_format: 'Invalid API key format',
  invalid_api_key: 'Invalid API key',
  insufficient_credits: 'Insufficient credits',
}

/** The wire format of VisionPipe: `vp_live_` keys, and errors that are a text beside `success: false`. */
export const visionpipe = createProfile(defaultProfile, {
  name: 'visionpipe',
  keyFormat: createKeyFormat({ prefix: 'vp_live_', alphabet: 'hex', checksum: false }),
  answers: (code, answer) => ({ message: TEXTS[code] ?? answer.message }),
  body: ({ message }) => ({ success: false, error: message }),
})
