import { createKeyward } from 'keyward'
import { sqlite } from 'keyward/sqlite'

/** What the test asks of this process. */
export interface Order {
  readonly number: number
  readonly act: 'revoke' | 'disable' | 'delete' | 'purge' | 'narrow' | 'end'
  readonly keyId: string
}

const file = process.argv[2]
if (file === undefined) throw new Error('usage: other-process.ts FILE')
const keyward = createKeyward({ store: sqlite(file) })
await keyward.keys.list()

process.on('message', async ({ number, act, keyId }: Order) => {
  if (act === 'end') {
    await keyward.close()
    process.disconnect()
    return
  }
  if (act === 'narrow') await keyward.keys.update(keyId, { scopes: [] })
  else await keyward.keys[act](keyId)
  process.send?.({ number })
})
process.send?.({ number: 0 })
