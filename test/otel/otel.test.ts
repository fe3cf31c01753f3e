import { AsyncLocalStorage } from 'node:async_hooks'
import { createServer } from 'node:http'
import { type Attributes, type Context, type ContextManager, context, ROOT_CONTEXT, trace } from '@opentelemetry/api'
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics'
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base'
import express from 'express'
import { createKeyward, type KeywardEvent, memory } from 'keyward'
import { errorHandler, getIdentity, requestId, requireKey, sendError } from 'keyward/express'
import { adminToken, leakReports, manage } from 'keyward/manage'
import { type OpenTelemetryOptions, openTelemetry } from 'keyward/otel'
import { sessions } from 'keyward/sessions'
import { afterEach, describe, expect, it, onTestFinished } from 'vitest'
import { DENIAL_CODES } from '../../src/answers/standard-answers.ts'

/** Collects everything that is exported. */
function openSinks() {
  const metricExporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE)
  const reader = new PeriodicExportingMetricReader({ exporter: metricExporter, exportIntervalMillis: 2_000_000_000 })
  const meterProvider = new MeterProvider({ readers: [reader] })
  const spanExporter = new InMemorySpanExporter()
  const tracerProvider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(spanExporter)] })
  onTestFinished(async () => {
    await meterProvider.shutdown()
    await tracerProvider.shutdown()
  })
  return {
    meterProvider,
    tracerProvider,
    spans: () => spanExporter.getFinishedSpans(),
    async metrics() {
      await meterProvider.forceFlush()
      const latest = metricExporter.getMetrics().at(-1)
      return (latest?.scopeMetrics ?? []).flatMap(({ metrics }) =>
        metrics.flatMap(({ descriptor, dataPoints }) =>
          dataPoints.map(({ attributes, value }) => ({
            name: descriptor.name,
            unit: descriptor.unit,
            attributes,
            value,
          })),
        ),
      )
    },
  }
}

type Sinks = ReturnType<typeof openSinks>
const providersOf = ({ meterProvider, tracerProvider }: Sinks): OpenTelemetryOptions => ({
  meterProvider,
  tracerProvider,
})

async function total(sinks: Sinks, name: string, attributes: Attributes = {}): Promise<number> {
  const points = (await sinks.metrics()).filter(
    (point) =>
      point.name === name && Object.entries(attributes).every(([key, value]) => point.attributes[key] === value),
  )
  return points.reduce((sum, { value }) => sum + Number(value), 0)
}

const TOKEN = 'admin-token-0123456789'

/** A server with everything on it, and all ways in which it can be met. */
async function runEverything(options: OpenTelemetryOptions): Promise<readonly string[]> {
  const keyward = createKeyward({
    store: memory({ losesDataOnExit: true }),
    clientAddress: 'peer',
    onEvent: openTelemetry(options),
    limits: { policies: { default: [{ limit: 3, windowSeconds: 60 }] } },
    credits: { account: 'key' },
    sessions: sessions({
      issuer: 'test',
      audience: 'test',
      signingKeys: [{ kid: 'one', secret: 's'.repeat(32) }],
      maxTtlSeconds: 60,
    }),
  })
  const app = express()
  app.use(requestId(keyward))
  app.use('/manage', manage(keyward, { authorize: adminToken(TOKEN) }).express())
  app.use('/leaks', leakReports(keyward, { publicKeys: [] }).express())
  app.get('/free', requireKey(keyward, { accept: ['key', 'session'] }), (_request, response) => void response.json({}))
  app.get('/scoped', requireKey(keyward, { scopes: ['secret:scope'] }), (_request, response) => void response.json({}))
  app.get('/priced', requireKey(keyward, { credits: 5 }), (_request, response) => void response.json({}))
  app.get('/invalid', requireKey(keyward, { cost: 0 }), (_request, response) =>
    sendError(response, 'validation_failed'),
  )
  app.get('/broken', requireKey(keyward, { cost: 0 }), () => {
    throw new Error('a secret of the handler')
  })
  app.get('/mint', requireKey(keyward, { cost: 0 }), async (request, response) => {
    response.json(await keyward.sessions.mint(getIdentity(request), { ttlSeconds: 60 }))
  })
  app.use(errorHandler(keyward))
  const server = createServer(app)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  onTestFinished(async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
    await keyward.close()
  })
  const ask = async (path: string, key?: string, init: RequestInit = {}) => {
    const headers = { ...(key !== undefined && { authorization: `Bearer ${key}` }), ...init.headers }
    const response = await fetch(`http://127.0.0.1:${port}${path}`, { ...init, headers })
    return { status: response.status, text: await response.text() }
  }

  const secrets: string[] = [TOKEN]
  for (let at = 0; at < 20; at++) {
    const { apiKey, id } = await keyward.keys.create({ owner: `owner-${at}`, name: `name-${at}` })
    secrets.push(apiKey, id, `owner-${at}`, `name-${at}`)
    expect((await ask(`/free?query-${at}`, apiKey)).status).toBe(200)
    expect((await ask('/scoped', apiKey)).status).toBe(403)
    expect((await ask('/priced', apiKey)).status).toBe(402)
    expect((await ask('/invalid', apiKey)).status).toBe(422)
    expect((await ask('/broken', apiKey)).status).toBe(500)
    const { token } = JSON.parse((await ask('/mint', apiKey)).text)
    secrets.push(token)
    expect((await ask('/free', token)).status).toBe(200)
    expect((await ask('/free', apiKey)).status).toBe(429)
    await keyward.leaks.report([{ token: apiKey, url: `https://leak.example/${at}` }])
    expect((await ask('/free', apiKey)).status).toBe(401)
    expect((await ask('/free', token)).status).toBe(401)
    secrets.push(`https://leak.example/${at}`)
    expect((await ask(`/manage/keys/${id}`, `stranger-${at}-0123456789`)).status).toBe(401)
    expect((await ask(`/manage/keys/made-up-${at}`, TOKEN)).status).toBe(404)
    secrets.push(`stranger-${at}`, `made-up-${at}`, `query-${at}`)
  }
  expect((await ask('/free')).status).toBe(401)
  expect((await ask('/free', 'sk_short')).status).toBe(401)
  expect((await ask('/free', keyward.profile.keyFormat.make())).status).toBe(401)
  expect((await ask('/leaks', undefined, { method: 'POST' })).status).toBe(401)
  return [...secrets, 'sk_', 'eyJ', 'secret', '127.0.0.1', 'req_']
}

/** Every name of an attribute, and what it may be. */
const ALLOWED: Readonly<Record<string, readonly unknown[]>> = {
  'keyward.check.outcome': ['admitted', 'denied'],
  'keyward.denial.code': DENIAL_CODES,
  'keyward.denial.reason': [
    ...DENIAL_CODES,
    ...['key_deleted', 'key_revoked', 'key_disabled', 'key_not_yet_valid', 'key_expired', 'wrong_owner'],
    ...['wrong_audience', 'missing_scope', 'key_unknown', 'policy_missing'],
  ],
  'error.type': ['internal_error', 'service_unavailable'],
  'keyward.action': ['key.created', 'key.revoked'],
  'keyward.fenced': [true, false],
  'keyward.new': [true, false],
  'keyward.stranger': [true, false],
  'keyward.part': ['store', 'gate', 'channel', 'start', 'uses', 'walk', 'exchange', 'usage'],
  'keyward.warning': ['mounted_twice', 'loaded_twice', 'client_address_unset'],
}

describe('telemetry', () => {
  it('256: has no key, no token and no unbounded label in anything that is exported', async () => {
    const sinks = openSinks()
    const secrets = await runEverything(providersOf(sinks))
    const points = await sinks.metrics()
    const spans = sinks.spans()
    expect(points.length).toBeGreaterThan(15)
    expect(spans.length).toBeGreaterThan(150)
    for (const { attributes, name } of [...points, ...spans])
      for (const [key, value] of Object.entries(attributes)) expect(ALLOWED[key], `${name} ${key}`).toContain(value)
    const exported = JSON.stringify([
      points,
      spans.map(({ name, attributes, status, events }) => [name, attributes, status, events]),
    ])
    for (const secret of secrets) expect(exported).not.toContain(secret)
    expect(new Set(spans.map(({ name }) => name))).toEqual(new Set(['keyward.check']))
    // 20 keys and owners leave no more series than one does.
    const series = points.map(({ name, attributes }) => `${name} ${JSON.stringify(attributes)}`)
    expect(new Set(series).size).toBe(series.length)
    expect(series.length).toBeLessThan(60)
  })

  it('counts every check by how it ended, and measures it', async () => {
    const sinks = openSinks()
    await runEverything(providersOf(sinks))
    const denied = (code: string) =>
      total(sinks, 'keyward.checks', { 'keyward.check.outcome': 'denied', 'keyward.denial.code': code })
    expect(await denied('rate_limit_exceeded')).toBe(20)
    expect(await denied('insufficient_scope')).toBe(20)
    expect(await denied('insufficient_credits')).toBe(20)
    expect(await denied('missing_authorization_header')).toBe(1)
    expect(await total(sinks, 'keyward.checks', { 'keyward.denial.reason': 'key_unknown' })).toBe(1)
    expect(await total(sinks, 'keyward.changes', { 'keyward.action': 'key.created' })).toBe(20)
    expect(await total(sinks, 'keyward.leaks', { 'keyward.new': true })).toBe(20)
    expect(await total(sinks, 'keyward.sessions.minted')).toBe(20)
    expect(await total(sinks, 'keyward.failures')).toBe(20)
    expect(await total(sinks, 'keyward.manage.refusals', { 'keyward.stranger': true })).toBe(21)
    const durations = (await sinks.metrics()).filter(({ name }) => name === 'keyward.check.duration')
    const counts = durations.map(({ value }) => (value as { readonly count: number }).count)
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(await total(sinks, 'keyward.checks'))
    expect(new Set(durations.map(({ unit }) => unit))).toEqual(new Set(['s']))
  })

  it('names ids on spans where it is asked to, and never in metrics', async () => {
    const sinks = openSinks()
    await runEverything({ ...providersOf(sinks), includeIds: true })
    const span = sinks.spans().find(({ attributes }) => attributes['keyward.denial.code'] === 'rate_limit_exceeded')
    expect(span?.attributes).toMatchObject({
      'keyward.key.id': expect.stringMatching(/^key_/),
      'keyward.owner': 'owner-0',
      'keyward.request.id': expect.stringMatching(/^req_/),
      'client.address': '127.0.0.1',
    })
    const exported = JSON.stringify(await sinks.metrics())
    expect(exported).not.toMatch(/owner-|key_0|req_|127\.0\.0\.1/)
    expect(JSON.stringify(sinks.spans().map(({ attributes }) => attributes))).not.toMatch(/sk_|eyJ/)
  })

  it('has no spans where there is no tracer', async () => {
    const sinks = openSinks()
    await runEverything({ meterProvider: sinks.meterProvider, tracerProvider: null })
    expect(sinks.spans()).toEqual([])
    expect(await total(sinks, 'keyward.checks')).toBeGreaterThan(100)
  })
})

describe('a span of a check', () => {
  const denied = (more: Partial<Extract<KeywardEvent, { type: 'denied' }>> = {}): KeywardEvent => ({
    ...{ type: 'denied', requestId: 'req_1', code: 'service_unavailable', reason: 'service_unavailable' },
    ...{ keyId: undefined, owner: undefined, address: undefined, durationMs: 250, ...more },
  })
  afterEach(() => context.disable())

  it('lies below the active one, as long as the check took', () => {
    const sinks = openSinks()
    context.setGlobalContextManager(createContextManager())
    const parent = sinks.tracerProvider.getTracer('test').startSpan('GET /free')
    const observer = openTelemetry(providersOf(sinks))
    context.with(trace.setSpan(context.active(), parent), () => observer(denied()))
    const [span] = sinks.spans()
    expect(span?.parentSpanContext?.spanId).toBe(parent.spanContext().spanId)
    const [seconds = 0, nanoseconds = 0] = span?.duration ?? []
    expect(seconds + nanoseconds / 1e9).toBeCloseTo(0.25, 3)
  })

  it('is an error only where the server failed', () => {
    const sinks = openSinks()
    const observer = openTelemetry(providersOf(sinks))
    observer(denied())
    observer(denied({ code: 'rate_limit_exceeded', reason: 'rate_limit_exceeded' }))
    expect(sinks.spans().map(({ status, attributes }) => [status.code, attributes['error.type']])).toEqual([
      [2, 'service_unavailable'],
      [0, undefined],
    ])
  })
})

describe('what is degraded', () => {
  it('is counted while it is, and not twice', async () => {
    const sinks = openSinks()
    const observer = openTelemetry(providersOf(sinks))
    const cause = new Error('a secret of the store')
    for (const event of [
      { type: 'degraded', part: 'store', cause },
      { type: 'degraded', part: 'store', cause },
      { type: 'degraded', part: 'gate', cause },
      { type: 'degraded', part: 'exchange', cause },
      { type: 'recovered', part: 'store' },
      { type: 'recovered', part: 'walk' },
    ] as const satisfies KeywardEvent[])
      observer(event)
    expect(await total(sinks, 'keyward.degraded', { 'keyward.part': 'store' })).toBe(0)
    expect(await total(sinks, 'keyward.degraded')).toBe(1)
    expect(await total(sinks, 'keyward.degradations')).toBe(4)
    expect(JSON.stringify(await sinks.metrics())).not.toContain('secret')
  })
})

/** What the SDK for Node.js brings, in the few lines that a test needs. */
function createContextManager(): ContextManager {
  const storage = new AsyncLocalStorage<Context>()
  const manager: ContextManager = {
    active: () => storage.getStore() ?? ROOT_CONTEXT,
    with: (active, run, self, ...values) => storage.run(active, () => run.call(self as never, ...values)),
    bind: (_active, target) => target,
    enable: () => manager,
    disable: () => manager,
  }
  return manager
}
