import { describe, expect, it } from 'vitest'
import { findBrokenArrows } from './arrows.ts'
import { findBadManners, findBannedNames } from './manners.ts'
import { readSourceTree } from './source-tree.ts'

const library = readSourceTree(['src', 'adapters'], ['.ts', '.tsx'])
const users = readSourceTree(['examples', 'bench'], ['.ts', '.tsx', '.mjs'])
const everything = readSourceTree(['src', 'adapters', 'examples', 'bench', 'test', 'scripts', 'docs'], [''])

describe('the house', () => {
  it('has arrows that run one way, types included, and no rooms in a circle', () => {
    expect(findBrokenArrows(new Map([...library, ...users]))).toEqual([])
  })

  it('has no file or folder called after nothing in particular', () => {
    expect(findBannedNames(everything.keys())).toEqual([])
  })

  it('has a core without a clock, adapters that decide nothing, named exports and no console', () => {
    expect(findBadManners(library)).toEqual([])
  })
})

describe('the check of arrows', () => {
  it.each([
    ['src/keys/judge.ts', "import type { Request } from 'express'"],
    ['src/keys/judge.ts', "export const a: import('express').Request"],
    ['src/keys/judge.ts', "export type { Request } from 'express'"],
    ['src/keyward.ts', "const hono = await import('hono')"],
    ['src/keyward.ts', "import { randomBytes } from 'node:crypto'"],
    ['src/keyward.ts', "import type { Buffer } from 'buffer'"],
    ['src/keyward.ts', "import { sqlite } from './stores/sqlite/sqlite.ts'"],
    ['src/model/gate.ts', "import type { Judge } from '../keys/judge.ts'"],
    ['src/model/gate.ts', "import type { tell } from '../events.ts'"],
    ['src/model/gate.ts', "import { z } from 'zod'"],
    ['src/limits/plan.ts', "import type { Keyward } from '../keyward.ts'"],
    ['src/limits/plan.ts', "import type { MemoryStore } from '../stores/memory/memory.ts'"],
    ['src/stores/sqlite/sqlite.ts', "import type { Judge } from '../../keys/judge.ts'"],
    ['src/stores/sqlite/sqlite.ts', "import { memory } from '../memory/memory.ts'"],
    ['src/stores/memory/memory.ts', "import { readFileSync } from 'node:fs'"],
    ['src/stores/memory/memory-gate.ts', "import { planRequest } from '../../limits/plan.ts'"],
    ['src/limits/sliding-window.ts', "import type { Plan } from './plan.ts'"],
    ['src/manage/manage.ts', "import { judgeRecord } from '../keys/judge.ts'"],
    ['src/dashboard/calls.ts', "import { judgeRecord } from '../keys/judge.ts'"],
    ['src/dashboard/charts.tsx', "import { readFileSync } from 'node:fs'"],
    ['src/manage/manage.ts', "import { dashboard } from '../dashboard/dashboard.ts'"],
    ['src/sessions/mint-session.ts', "import type { sessions } from './sessions.ts'"],
    ['src/keyward.ts', "import { sessions } from './sessions/sessions.ts'"],
    ['src/sessions/session-reader.ts', "import { jwtVerify } from 'jose'"],
    ['src/sessions/sessions.ts', "import { judgeRecord } from '../keys/judge.ts'"],
    ['src/client/api-error.ts', "import type { InputIssue } from '../model/errors.ts'"],
    ['src/client/api-key.ts', "import { env } from 'node:process'"],
    ['src/client/client.ts', "import { z } from 'zod'"],
    ['src/client/client.ts', "import type { Keyward } from '../index.ts'"],
    ['src/cli/program.ts', "import { judgeRecord } from '../keys/judge.ts'"],
    ['src/cli/program.ts', "import pg from 'pg'"],
    ['src/cli/program.ts', "import { Connection } from '../stores/sqlite/connection.ts'"],
    ['src/keyward.ts', "import { run } from './cli/run.ts'"],
    ['src/keys/judge.ts', "import { ApiError } from '../client/api-error.ts'"],
    ['src/otel/otel.ts', "import { tell } from '../events.ts'"],
    ['src/keys/judge.ts', "import { trace } from '@opentelemetry/api'"],
    ['src/keyward.ts', "import { createClient } from './client/client.ts'"],
    ['adapters/hono.ts', "import { createMiddleware } from 'hono/factory'"],
    ['adapters/hono.ts', "import { Hono, type Context } from 'hono'"],
    ['adapters/hono.ts', "import type { Judge } from '../src/keys/judge.ts'"],
    ['adapters/hono.ts', "import { carry } from './express.ts'"],
    ['adapters/hono.ts', "import 'hono'"],
    ['examples/pi/server.ts', "import { createKeyward } from '../../src/index.ts'"],
    ['src/odd.tsx', ''],
  ])('refuses in %s: %s', (path, text) => {
    expect(findBrokenArrows(new Map([[path, text]]))).toHaveLength(1)
  })

  it('refuses two rooms that import each other, if only types', () => {
    const circle = new Map([
      ['src/keys/judge.ts', "import type { A } from '../limits/plan.ts'"],
      ['src/limits/plan.ts', "import type { B } from '../audit/chain.ts'"],
      ['src/audit/chain.ts', "import type { C } from '../keys/judge.ts'"],
    ])
    expect(findBrokenArrows(circle)).toEqual(['rooms in a circle: src/keys -> src/limits -> src/audit -> src/keys'])
  })

  it.each([
    ['src/keys/copies.ts', "import { LRUCache } from 'lru-cache'"],
    ['src/keys/judge.ts', "import type { KeyRecord } from '../model/key-record.ts'"],
    ['src/stores/memory/memory-gate.ts', "import { AdmissionLog } from '../../limits/admission-log.ts'"],
    ['src/stores/sqlite/migrations/keys.ts', "import type { Handle } from '../handle.ts'"],
    ['src/stores/sqlite/sqlite.ts', "const libsql = await import('libsql')"],
    ['src/sessions/sessions.ts', "import { jwtVerify } from 'jose'"],
    ['src/client/client.ts', "import { ApiError } from './api-error.ts'"],
    ['src/dashboard/calls.ts', "import type { Arrival } from '../manage/arrival.ts'"],
    ['src/dashboard/charts.tsx', "import { scaleLinear } from 'd3-scale'"],
    ['src/otel/otel.ts', "import { trace } from '@opentelemetry/api'"],
    ['src/cli/backends.ts', "const { sqlite } = await import('../stores/sqlite/sqlite.ts')"],
    ['src/cli/program.ts', "import { Command } from 'commander'"],
    ['adapters/hono.ts', "import type { Context } from 'hono'"],
    ['adapters/hono.ts', "import { type Context, type Next } from 'hono'"],
    ['examples/pi/server.ts', "import { createKeyward } from 'keyward'"],
  ])('lets pass in %s: %s', (path, text) => {
    expect(findBrokenArrows(new Map([[path, text]]))).toEqual([])
  })
})

describe('the check of names and manners', () => {
  it.each([
    'src/utils/x.ts',
    'src/keys/helpers.ts',
    'src/types.ts',
    'adapters/common/a.ts',
    'test/lib/a.test.ts',
    'src/keys/key-manager.ts',
  ])('refuses a file %s', (path) => {
    expect(findBannedNames([path])).toEqual([path])
  })

  it.each([
    ['src/keys/a.ts', 'const now = Date.now()'],
    ['src/keys/a.ts', 'const now = new Date()'],
    ['src/keyward.ts', 'const now = performance.now()'],
    ['src/credential/a.ts', 'const weak = Math.random()'],
    ['src/keys/a.ts', "console.log('x')"],
    ['src/keys/a.ts', 'export default 1'],
    ['src/keys/a.ts', 'export default function a() {}'],
    ['src/keys/a.ts', "export { b } from './b.ts'"],
    ['adapters/hono.ts', 'context.status(401)'],
    ['adapters/hono.ts', "headers.get('x-request-id')"],
    ['adapters/hono.ts', "headers.get('Authorization')"],
    ['adapters/hono.ts', 'request.headers.authorization'],
    ['adapters/hono.ts', "sendError(response, 'not_found')"],
  ])('refuses in %s: %s', (path, text) => {
    expect(findBadManners(new Map([[path, text]]))).toHaveLength(1)
  })

  it.each([
    ['src/keys/a.ts', 'const day = new Date(now)'],
    ['src/keys/a.ts', 'switch (a) { default: }'],
    ['src/stores/sqlite/a.ts', 'const now = Date.now()'],
    ['src/index.ts', "export { b } from './keys/b.ts'"],
    ['adapters/hono.ts', "import type { A } from 'not-a-header'"],
  ])('lets pass in %s: %s', (path, text) => {
    expect(findBadManners(new Map([[path, text]]))).toEqual([])
  })
})
