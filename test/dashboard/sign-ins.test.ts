import { memory } from 'keyward'
import { createTestKeyward } from 'keyward/testing'
import { expect, it } from 'vitest'

const ada = { actor: { id: 'ada', owner: 'acme', scopes: ['*'] }, mark: 'first' }

it('finds who is signed in, until the time is over, and removes what is past it', async () => {
  const { clock } = createTestKeyward()
  const store = memory({ losesDataOnExit: true, clock })
  const { keyward } = createTestKeyward({ store }, clock)
  const dropped: string[] = []
  const id = await keyward.signIns.begin(ada, 60, { address: '192.0.2.1', requestId: 'req_1' })
  expect(id).toMatch(/^\d{13}\.[\w-]{43}$/)
  expect(await keyward.signIns.find(id)).toEqual(ada)
  expect(await keyward.signIns.find(`${id.slice(0, -1)}${id.endsWith('A') ? 'B' : 'A'}`)).toBeUndefined()
  for (const wrong of ['', 'x', `${id}x`, `9${id}`, '__proto__'])
    expect(await keyward.signIns.find(wrong)).toBeUndefined()
  // A later end in front is another id.
  expect(await keyward.signIns.find(`${Number(id.slice(0, 13)) + 60_000}${id.slice(13)}`)).toBeUndefined()
  clock.advance(60_000)
  expect(await keyward.signIns.find(id)).toBeUndefined()
  const name = `sign-in:${id.slice(0, 13)}`
  const drop = store.dropNotes.bind(store)
  store.dropNotes = async (from, to) => {
    dropped.push(from <= name && name < to ? 'the old one' : 'others')
    await drop(from, to)
  }
  clock.advance(1)
  await keyward.signIns.begin(ada, 60)
  expect(dropped).toContain('the old one')
  expect(await store.listAudit('acme', 0, 10)).toMatchObject([
    { action: 'dashboard.signed_in', actor: 'ada', address: '192.0.2.1', requestId: 'req_1' },
    { action: 'dashboard.signed_in', actor: 'ada', address: null },
  ])
})

it('takes a form once, of however many at once, and none that is 12 hours old', async () => {
  const { keyward, clock } = createTestKeyward()
  const form = keyward.signIns.newForm()
  const taken = await Promise.all(Array.from({ length: 8 }, () => keyward.signIns.takeForm(form)))
  expect(taken.filter((each) => each)).toHaveLength(1)
  const late = keyward.signIns.newForm()
  clock.advance(12 * 3_600_000)
  expect(await keyward.signIns.takeForm(late)).toBe(false)
  expect(await keyward.signIns.takeForm('made up')).toBe(false)
})
