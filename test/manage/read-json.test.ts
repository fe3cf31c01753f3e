import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { readIfMatch } from '../../src/manage/if-match.ts'
import { readJson } from '../../src/manage/read-json.ts'

const bytesOf = (text: string) => async () => new TextEncoder().encode(text)

describe('reading a body', () => {
  it('gives back any JSON within its bounds, and never throws for any bytes', async () => {
    await fc.assert(
      fc.asyncProperty(fc.jsonValue({ maxDepth: 20 }), async (value) => {
        expect(await readJson('application/json', bytesOf(JSON.stringify(value)))).toEqual({
          json: JSON.parse(JSON.stringify(value)),
        })
      }),
    )
    await fc.assert(
      fc.asyncProperty(fc.uint8Array(), fc.option(fc.string()), async (bytes, type) => {
        const read = await readJson(type, async () => bytes)
        expect('json' in read || /^(bad_request|unsupported_media_type)$/.test(read.refused)).toBe(true)
      }),
    )
  })

  it('237: bounds the depth at 64 levels', async () => {
    const nested = (levels: number) => bytesOf('['.repeat(levels) + ']'.repeat(levels))
    expect(await readJson('application/json', nested(64))).toHaveProperty('json')
    expect(await readJson('application/json', nested(65))).toEqual({ refused: 'bad_request' })
    expect(await readJson('application/json', nested(100_000))).toEqual({ refused: 'bad_request' })
    expect(await readJson('application/json', bytesOf('['.repeat(1_000_000)))).toEqual({ refused: 'bad_request' })
  })

  it('does not read what it would not take', async () => {
    let isRead = false
    const readBytes = async () => {
      isRead = true
      return new Uint8Array()
    }
    expect(await readJson('text/plain', readBytes)).toEqual({ refused: 'unsupported_media_type' })
    expect(isRead).toBe(false)
  })
})

describe('reading If-Match', () => {
  it('reads one strong tag, and lets no other match anything', () => {
    expect(readIfMatch(null)).toEqual({ ifVersion: undefined })
    expect(readIfMatch('*')).toEqual({ ifVersion: undefined })
    expect(readIfMatch(' "12" ')).toEqual({ ifVersion: 12 })
    for (const tag of ['W/"12"', '"x"', '""', '"1.0"', '"012"', `"${'9'.repeat(30)}"`])
      expect(readIfMatch(tag)).toEqual({ ifVersion: -1 })
    for (const tag of ['12', '', '"', '"1', '"1", "2"', '*, "1"', 'w/"1"', '"a b"'])
      expect(readIfMatch(tag)).toEqual({ refused: 'bad_request' })
  })
})
