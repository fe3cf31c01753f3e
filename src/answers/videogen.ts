import { createKeyFormat } from '../credential/key-format.ts'
import { createProfile, defaultProfile } from './profile.ts'

/** The wire format of VideoGen: `vg_key_` keys, and errors that are one message; every 401 says `Unauthorized` and no more. */
export const videogen = createProfile(defaultProfile, {
  name: 'videogen',
  keyFormat: createKeyFormat({ prefix: 'vg_key_' }),
  answers: (_, { status }) => (status === 401 ? { message: 'Unauthorized' } : {}),
  body: ({ message }) => ({ message }),
})
