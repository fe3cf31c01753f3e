import { createKeyward, memory } from 'keyward'
import { expect, it } from 'vitest'

it('notes the only use of a key on a real clock, where its record is read after the request began', async () => {
  const store = memory({ losesDataOnExit: true })
  const keyward = createKeyward({
    store: {
      ...store,
      async findByDigest(digests) {
        await new Promise((resolve) => setTimeout(resolve, 5))
        return store.findByDigest(digests)
      },
    },
  })
  const { id, apiKey } = await keyward.keys.create({ owner: 'acme', name: 'once' })
  expect(await keyward.authenticate({ authorization: `Bearer ${apiKey}` })).toMatchObject({ denied: false })
  await keyward.close()
  expect((await store.findById(id))?.lastUsedAt).toBeInstanceOf(Date)
})
