import { createKeyFormat } from '../credential/key-format.ts'
import { createProfile, defaultProfile } from './profile.ts'

/** The wire format of ppt.video: `ppt_` keys, and the default envelope. */
export const pptVideo = createProfile(defaultProfile, {
  name: 'ppt-video',
  keyFormat: createKeyFormat({ prefix: 'ppt_' }),
})
