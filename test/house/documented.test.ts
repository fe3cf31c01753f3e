import { describe, expect, it } from 'vitest'
import { findUndocumented } from './documentation.ts'
import { createProgram } from './program.ts'

const entryPoints = [
  'src/index.ts',
  'src/stores/sqlite/sqlite.ts',
  'src/stores/postgres/postgres.ts',
  'src/stores/mysql/mysql.ts',
  'src/stores/redis/redis.ts',
  'src/sessions/sessions.ts',
  'src/manage/manage.ts',
  'src/dashboard/dashboard.ts',
  'src/client/client.ts',
  'src/otel/otel.ts',
  'src/testing/testing.ts',
  'adapters/express.ts',
  'adapters/hono.ts',
  'adapters/fastify.ts',
  'adapters/fetch.ts',
]

describe('what users import', () => {
  it('is documented in whole sentences, and every number says what it counts', () => {
    expect(findUndocumented(createProgram(new Map(), entryPoints), entryPoints)).toEqual([])
  })
})

describe('the check of documentation', () => {
  const complaintsAbout = (text: string, behind = '') => {
    const files = new Map([
      ['src/face.ts', text],
      ['src/behind.ts', behind],
    ])
    return findUndocumented(createProgram(files, ['src/face.ts'], { types: [] }), ['src/face.ts'])
  }

  it.each([
    ['no comment', 'export function act(): void {}'],
    ['a comment that is no sentence', '/** acts */\nexport function act(): void {}'],
    ['a line comment', '// Acts.\nexport const act = 1'],
    [
      'a number without a unit',
      '/** Options. */\nexport interface Options {\n  /** How long. */\n  readonly age: number\n}',
    ],
    [
      'an optional number without a unit',
      '/** Options. */\nexport interface Options {\n  readonly age?: number | null\n}',
    ],
    ['a number deep inside', '/** Options. */\nexport type Options = { readonly inner: { readonly age: number } }'],
    ['a parameter without a unit', '/** Waits. */\nexport function wait(time: number): number { return time }'],
    ['a member of a class', '/** A timer. */\nexport class Timer {\n  readonly age: number = 1\n}'],
  ])('refuses %s', (_what, text) => {
    expect(complaintsAbout(text)).toHaveLength(1)
  })

  it('refuses an undocumented type that an exported one leads to, and one that is exported again', () => {
    const behind = 'export interface Hidden { readonly name: string }'
    expect(
      complaintsAbout(
        "import type { Hidden } from './behind.ts'\n/** Shows. */\nexport const show = (hidden: Hidden) => hidden",
        behind,
      ),
    ).toEqual(['src/behind.ts:1 Hidden has no doc comment with a whole first sentence'])
    expect(complaintsAbout("export type { Hidden } from './behind.ts'", behind)).toHaveLength(1)
  })

  it.each([
    ['a unit in the name', '/** Options. */\nexport interface Options { readonly graceSeconds: number }'],
    [
      'a unit in the comment',
      '/** Options. */\nexport interface Options {\n  /** Units to count: 0 to 10. */\n  readonly cost: number\n}',
    ],
    [
      'a documented parameter',
      '/**\n * Waits.\n *\n * @param time - How many milliseconds.\n */\nexport function wait(time: number): void { time }',
    ],
    [
      'a parameter that is documented at its namesake',
      '/** A wait. */\nexport interface Wait {\n  /** @param time - Milliseconds. */\n  now(time: number): void\n  later(time: number): void\n}',
    ],
    [
      'a class that is documented at its interface',
      '/** A wait. */\nexport interface Wait {\n  /** @param time - Milliseconds. */\n  now(time: number): void\n}\n/** Waits. */\nexport class Waiter implements Wait {\n  now(time: number): void { time }\n}',
    ],
    [
      'a property that is a function',
      '/** A wait. */\nexport interface Wait {\n  /** Waits some milliseconds. */\n  readonly now: (time: number) => void\n}',
    ],
    [
      'private members',
      '/** A timer. */\nexport class Timer {\n  private age = 1\n  #time = 2\n  read(): string { return String(this.age + this.#time) }\n}',
    ],
    ['what stands inside functions', '/** Waits. */\nexport function wait(): void { const age: number = 1; age }'],
  ])('lets pass %s', (_what, text) => {
    expect(complaintsAbout(text)).toEqual([])
  })
})
