import { type AlertRecord, createKeyward, type KeyStore, type Keyward, memory, pipevideo, type UsageRow } from 'keyward'
import { createTestClock, type TestClock } from 'keyward/testing'

/** A keyward that looks as if it had been used for a while. */
export interface Example {
  readonly keyward: Keyward
  /** Ids of keys that pictures are taken of. */
  readonly keys: { readonly production: string; readonly replaced: string }
}

interface Made {
  readonly id: string
  readonly owner: string
  readonly load: number
  readonly nightly: boolean
}

const DAY_MS = 86_400_000
const HOUR_MS = 3_600_000
const KEYS = [
  { name: 'Production', owner: 'acme', scopes: ['video:write', 'video:read'], age: 74, load: 190 },
  { name: 'Staging', owner: 'acme', scopes: ['video:write', 'video:read'], age: 73, load: 14 },
  { name: 'Nightly renders', owner: 'acme', scopes: ['video:write'], age: 61, load: 46, nightly: true },
  { name: 'Checkout previews', owner: 'globex', scopes: ['video:read'], age: 52, load: 88 },
  { name: 'Partner: Initech', owner: 'initech', scopes: ['video:read', 'usage:read'], age: 40, load: 33 },
  { name: 'Contractor laptop', owner: 'acme', scopes: ['video:read'], age: 31, load: 3 },
  { name: 'Load test', owner: 'globex', scopes: ['video:write'], age: 22, load: 0 },
  { name: 'Mobile app', owner: 'hooli', scopes: ['video:read'], age: 12, load: 61 },
  { name: 'Data export', owner: 'hooli', scopes: ['usage:read'], age: 3, load: 7 },
] as const
const ROUTES = ['POST /v1/video/generations', 'GET /v1/video/generations/:id', 'GET /v1/models', 'POST /v1/uploads']
const APPS = [
  ['https://studio.example/create', 'Studio', 0.34, 1.2],
  ['https://clips.example/', 'Clips for teams', 0.22, 0.9],
  ['https://shop.example/preview', 'Shop previews', 0.17, 1.6],
  ['https://editor.example/', 'Frame editor', 0.12, 1],
  ['https://news.example/desk', 'News desk', 0.08, 0.6],
  ['https://class.example/', 'Classroom', 0.04, 0],
] as const

/** Fills a store in memory with keys, changes and thirty days of usage, up to now. */
export async function fillExample(): Promise<Example> {
  const now = Date.now()
  const clock = createTestClock(now - 80 * DAY_MS)
  const store = memory({ losesDataOnExit: true, clock })
  const keyward = createKeyward({
    store,
    profile: pipevideo,
    clientAddress: 'peer',
    credits: { account: 'key' },
    limits: {
      policies: {
        default: [
          { limit: 100, windowSeconds: 60 },
          { limit: 20_000, windowSeconds: 86_400 },
        ],
      },
    },
  })
  const ada = { actor: { id: 'ada@example.com', owner: null, scopes: ['*'] }, address: '203.0.113.24' }
  const grace = { actor: { id: 'grace@example.com', owner: null, scopes: ['*'] }, address: '2001:db8::17' }
  const made: Made[] = []
  const secrets: string[] = []
  for (const each of KEYS) {
    clock.set(now - each.age * DAY_MS - 7 * HOUR_MS)
    const expiresAt = each.name === 'Contractor laptop' ? new Date(now + 6 * DAY_MS) : null
    const { name, owner, scopes } = each
    const key = await keyward.keys.create({ name, owner, scopes: [...scopes], expiresAt }, each.age % 2 ? ada : grace)
    made.push({ id: key.id, owner, load: each.load, nightly: 'nightly' in each })
    secrets.push(key.apiKey)
  }
  const id = (index: number) => made[index]?.id ?? ''
  clock.set(now - 20 * DAY_MS)
  await keyward.keys.update(id(3), { addresses: ['198.51.100.0/24', '203.0.113.7'] }, ada)
  await keyward.credits.topUp({ keyId: id(0) }, { amount: 250_000, reason: 'Annual plan' }, ada)
  clock.set(now - 9 * DAY_MS)
  await keyward.keys.disable(id(6), grace)
  clock.set(now - 5 * HOUR_MS)
  const rotated = await keyward.keys.rotate(id(0), { graceSeconds: 86_400 }, ada)
  made.push({ id: rotated.id, owner: 'acme', load: 140, nightly: false })
  clock.set(now - 2 * HOUR_MS)
  await keyward.keys.revoke(id(5), grace)
  await keyward.credits.topUp({ keyId: id(0) }, { amount: 50_000, reason: 'Campaign' }, ada)
  clock.set(now)
  for (const apiKey of [rotated.apiKey, ...secrets.slice(1, 5), ...secrets.slice(7)])
    for (let count = 0; count < 23; count++) await keyward.verify({ apiKey })
  await addUsage(store, clock, made)
  await addAlerts(store, now, id)
  return { keyward, keys: { production: rotated.id, replaced: id(0) } }
}

async function addAlerts(store: KeyStore, now: number, id: (index: number) => string): Promise<void> {
  const errors = [0, 1, 0, 0, 2, 1, 0, 1, 0, 0, 1, 0, 2, 0, 1, 0, 14, 31, 27]
  const alert = (
    letter: string,
    openedAt: number,
    fields: Pick<AlertRecord, 'owner' | 'keyId' | 'kind' | 'reason' | 'details'>,
  ) => ({
    alert: {
      ...{ id: `alert_0000000000000000000000000${letter}`, subject: letter, state: 'open' as const, version: 1 },
      ...{ acknowledgedAt: null, acknowledgedBy: null, snoozedUntil: null, resolvedAt: null, calmSince: null },
      openedAt: new Date(openedAt),
      ...fields,
    } as const,
    delivery: null,
  })
  await store.alerts?.openAlerts([
    alert('C', now - 4 * 60_000, {
      ...{ owner: 'globex', keyId: id(3), kind: 'error_spike' },
      reason: '27 of 31 requests of “Checkout previews” failed in a minute; 1 is usual.',
      details: {
        ...{ observed: 27, expected: 1, unit: 'requests' },
        series: errors.map((value, at) => ({ at: new Date(now - (errors.length - at) * 60_000).toISOString(), value })),
      },
    }),
    alert('B', now - 3 * HOUR_MS, {
      ...{ owner: 'acme', keyId: id(2), kind: 'new_network' },
      reason: '“Nightly renders” was used from the network 198.51.100.0/24 for the first time.',
      details: {},
    }),
  ])
}

type Counts = Pick<
  UsageRow,
  'requests' | 'refused' | 'succeeded' | 'redirected' | 'clientErrors' | 'serverErrors' | 'credits'
>

async function addUsage(store: KeyStore, clock: TestClock, made: readonly Made[]): Promise<void> {
  const now = clock.now()
  const draw = dice(7)
  const rows = new Map<string, UsageRow>()
  const add = (row: Omit<UsageRow, keyof Counts>, counts: Counts) => {
    const place = JSON.stringify([row.interval, row.at, row.scope, row.by, row.name])
    const before = rows.get(place)
    const sum = Object.fromEntries(
      Object.entries(counts).map(([name, value]) => [name, value + (before?.[name as keyof Counts] ?? 0)]),
    ) as unknown as Counts
    rows.set(place, { ...row, ...sum })
  }
  for (let hour = 0; hour < 14 * 24; hour++) {
    const at = now - hour * HOUR_MS
    const tide = 0.45 + 0.55 * Math.sin(((new Date(at).getUTCHours() - 8) / 24) * 2 * Math.PI) ** 2
    for (const { id, owner, load, nightly } of made) {
      const isRotated = id === made.at(-1)?.id
      if (load === 0 || (isRotated && hour > 4)) continue
      const isNight = new Date(at).getUTCHours() < 5
      const shape = nightly ? (isNight ? 2.6 : 0.05) : tide
      const requests = Math.round(load * shape * (0.7 + 0.6 * draw()) * (id === made[0]?.id && hour < 5 ? 0.25 : 1))
      const incident = hour >= 30 && hour < 33 ? 0.18 : 0.004
      for (const interval of ['hour', 'day', ...(hour < 2 ? (['minute'] as const) : [])] as const) {
        const parts = interval === 'minute' ? 60 : 1
        for (let part = 0; part < parts; part++) {
          const share = Math.round((requests / parts) * (parts === 1 ? 1 : 0.5 + draw()))
          const counts = split(share, incident, draw)
          const step = interval === 'minute' ? 60_000 : interval === 'hour' ? HOUR_MS : DAY_MS
          const begin = new Date(Math.floor((at - part * 60_000) / step) * step)
          for (const scope of [{ kind: 'all' }, { kind: 'key', keyId: id }] as const) {
            add(
              {
                interval,
                at: begin,
                scope,
                owner: scope.kind === 'key' ? owner : null,
                by: 'none',
                name: '',
                label: null,
              },
              counts,
            )
            if (interval === 'minute') continue
            if (scope.kind === 'all')
              add(
                {
                  interval,
                  at: begin,
                  scope,
                  owner: null,
                  by: 'key',
                  name: id,
                  label: null,
                },
                counts,
              )
            for (const [index, route] of ROUTES.entries())
              add(
                {
                  interval,
                  at: begin,
                  scope,
                  owner: scope.kind === 'key' ? owner : null,
                  by: 'route',
                  name: route,
                  label: null,
                },
                scaled(counts, [0.52, 0.31, 0.12, 0.05][index] ?? 0),
              )
            for (const [app, title, part, growth] of APPS)
              add(
                {
                  interval,
                  at: begin,
                  scope,
                  owner: scope.kind === 'key' ? owner : null,
                  by: 'app',
                  name: app,
                  label: title,
                },
                scaled(counts, part * (hour < 7 * 24 ? growth : growth === 0 ? 0.4 : 1)),
              )
          }
          if (interval !== 'minute')
            for (const [name, part] of [
              ['38', 0.2],
              ['52', 0.45],
              ['74', 0.25],
              ['140', 0.1],
            ] as const)
              add(
                { interval, at: begin, scope: { kind: 'all' }, owner: null, by: 'overhead', name, label: null },
                scaled(counts, part),
              )
        }
      }
    }
  }
  const all = [...rows.values()]
  for (let at = 0; at < all.length; at += 5_000)
    await store.usage?.addUsage({
      writer: 'example',
      sequence: at / 5_000 + 1,
      at: new Date(now),
      rows: all.slice(at, at + 5_000),
    })
}

function split(requests: number, incident: number, draw: () => number): Counts {
  const serverErrors = Math.round(requests * incident * (0.5 + draw()))
  const refused = Math.round(requests * 0.02 * draw())
  const clientErrors = refused + Math.round(requests * 0.05 * draw())
  const redirected = Math.round(requests * 0.03 * draw())
  const succeeded = Math.max(0, requests - serverErrors - clientErrors - redirected)
  return { requests, refused, succeeded, redirected, clientErrors, serverErrors, credits: succeeded * 3 }
}

function scaled(counts: Counts, part: number): Counts {
  return Object.fromEntries(
    Object.entries(counts).map(([name, value]) => [name, Math.round(value * part)]),
  ) as unknown as Counts
}

/** Numbers from 0 to 1 that are the same in every run. */
function dice(seed: number): () => number {
  let state = seed
  return () => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648
    return state / 2_147_483_648
  }
}
