import { ConfigError, createKeyward, memory } from 'keyward'
import { describe, expect, it } from 'vitest'

const create = (credits: unknown) =>
  createKeyward({ store: memory({ losesDataOnExit: true }), credits: credits as { account?: 'owner' } })

describe('the options of credits', () => {
  it.each([{}, { account: 'owner' }, { account: 'key', header: 'X-Credits-Left' }])('take %o', (credits) => {
    expect(create(credits).credits.isAvailable).toBe(true)
  })

  it.each([
    [{ account: 'team' }, "createKeyward.credits.account: must be 'owner' or 'key'"],
    [{ header: '' }, 'createKeyward.credits.header: must be the name of a header field'],
    [{ header: 'X Credits' }, 'createKeyward.credits.header: must be the name of a header field'],
    [{ header: 'X-Credits\r\nX-Admin: 1' }, 'createKeyward.credits.header: must be the name of a header field'],
    [{ header: 'x'.repeat(65) }, 'createKeyward.credits.header: must be the name of a header field'],
    [{ initial: -1, account: 'key' }, 'createKeyward.credits.initial: must be at least 0'],
    [{ initial: 1.5, account: 'key' }, 'createKeyward.credits.initial: must be a whole number'],
    [{ initial: 5 }, "createKeyward.credits.initial: takes account: 'key'"],
    [{ balance: 5 }, 'createKeyward.credits: '],
  ])('refuse %o, quoting the option and the rule', (credits, message) => {
    expect(() => create(credits)).toThrow(ConfigError)
    expect(() => create(credits)).toThrow(message)
  })
})
