import { createKeyFormat } from '../credential/key-format.ts'
import { createProfile, defaultProfile } from './profile.ts'

/** The wire format of Pipevideo: `pv_` keys, upper-case codes in an envelope of two fields, its own title header. */
export const pipevideo = createProfile(defaultProfile, {
  name: 'pipevideo',
  keyFormat: createKeyFormat({ prefix: 'pv_', alphabet: 'hex', checksum: false }),
  answers: (_, { code }) => ({ code: code.toUpperCase() }),
  body: ({ code, message }) => ({ error: { code, message } }),
  attribution: { title: ['x-pipevideo-title', 'x-title'] },
})
