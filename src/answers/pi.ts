import { createKeyFormat } from '../credential/key-format.ts'
import { createProfile, defaultProfile } from './profile.ts'

/** The wire format of Pi: the default envelope, ids `req_pi_<uuid>`, and one code for every credential that is no good. */
export const pi = createProfile(defaultProfile, {
  name: 'pi',
  keyFormat: createKeyFormat({ prefix: 'pi_' }),
  requestId: { prefix: 'req_pi_' },
  answers: { malformed_authorization_header: { code: 'invalid_api_key' } },
})
