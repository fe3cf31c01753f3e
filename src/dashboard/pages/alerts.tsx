import type { AlertJson, PageJson } from '../api-json.ts'
import { queryText } from '../calls.ts'
import { StackedChart } from '../charts.tsx'
import { errorPage } from '../error-page.tsx'
import { Empty, Instant } from '../figures.tsx'
import { FormToken, type Page, PageHead } from '../layout.tsx'
import { Pager } from '../pager.tsx'
import { field } from '../read-form.ts'
import { may, type Visitor } from '../visitor.ts'
import { missingPage } from './usage.tsx'

const STATES = ['open', 'acknowledged', 'snoozed', 'resolved'] as const
const PAGE = 20

/** What somebody should look at: open alerts first. */
export async function alertsPage(visitor: Visitor): Promise<Page> {
  return showAlerts(visitor, undefined)
}

/** Says that somebody has seen to an alert. */
export async function acknowledge(visitor: Visitor, id: string): Promise<Page> {
  const answer = await visitor.calls.send<AlertJson>('POST', `/alerts/${id}/acknowledge`, { body: {} })
  if (!answer.ok) return errorPage(visitor, { ...answer, place: 'alerts' })
  return showAlerts(visitor, 'Acknowledged.')
}

/** Puts an alert off. */
export async function snooze(visitor: Visitor, id: string): Promise<Page> {
  const hours = Number(field(visitor.form, 'hours'))
  if (!Number.isInteger(hours) || hours < 1 || hours > 720)
    return errorPage(visitor, { code: 'bad_request', status: 400, place: 'alerts' })
  const until = new Date(visitor.now.getTime() + hours * 3_600_000).toISOString()
  const answer = await visitor.calls.send<AlertJson>('POST', `/alerts/${id}/snooze`, { body: { until } })
  if (!answer.ok) return errorPage(visitor, { ...answer, place: 'alerts' })
  return showAlerts(visitor, 'Snoozed.')
}

async function showAlerts(visitor: Visitor, done: string | undefined): Promise<Page> {
  if (!visitor.hasRoute('GET', '/alerts') || !may(visitor, 'keyward:alerts:read'))
    return missingPage(visitor, 'alerts', 'Alerts')
  const { calls, query, basePath } = visitor
  const asked = query.get('state')
  const state = STATES.find((each) => each === asked) ?? 'open'
  const answer = await calls.get<PageJson<AlertJson>>(
    `/alerts${queryText({ state, cursor: query.get('cursor'), limit: PAGE })}`,
  )
  if (!answer.ok) return errorPage(visitor, { ...answer, place: 'alerts', scope: 'keyward:alerts:read' })
  const { items, nextCursor } = answer.body
  return {
    status: 200,
    title: 'Alerts',
    place: 'alerts',
    ...(done !== undefined && { address: '/alerts' }),
    content: (
      <>
        <PageHead title="Alerts">
          <nav class="ranges" aria-label="State">
            {STATES.map((each) => (
              <a
                href={`${basePath}/alerts${queryText({ state: each })}`}
                aria-current={each === state ? 'true' : undefined}
              >
                {each.charAt(0).toUpperCase() + each.slice(1)}
              </a>
            ))}
          </nav>
        </PageHead>
        {done !== undefined && (
          <p class="notice good" role="status">
            {done}
          </p>
        )}
        {items.length === 0 ? (
          <section class="card">
            <Empty>
              {state === 'open'
                ? 'Nothing is open. A key whose rate or errors leave its own past, a first use from a new network, low credits and keys that should be rotated appear here.'
                : `No alert is ${state}.`}
            </Empty>
          </section>
        ) : (
          items.map((alert) => <Alert visitor={visitor} item={alert} />)
        )}
        <Pager visitor={visitor} nextCursor={nextCursor} />
      </>
    ),
  }
}

const KINDS: Readonly<Record<string, string>> = {
  rate_spike: 'Unusual rate',
  error_spike: 'Unusual errors',
  new_network: 'New network',
  credits_low: 'Credits low',
  expiry_near: 'Expires soon',
  rotation_due: 'Rotation due',
}

function Alert({ visitor, item }: { readonly visitor: Visitor; readonly item: AlertJson }) {
  const at = `${visitor.basePath}/alerts/${item.id}`
  const isOpen = item.state === 'open'
  return (
    <article class="card">
      <header>
        <h2 class={isOpen ? 'state bad' : 'state plain'}>{KINDS[item.kind] ?? item.kind}</h2>
        <span class="muted">
          <Instant at={item.openedAt} />
          {visitor.actor.owner === null && ` · ${item.owner}`}
        </span>
      </header>
      <p>{item.reason}</p>
      <Picture item={item} />
      {item.acknowledgedAt !== null && (
        <p class="muted">
          Acknowledged <Instant at={item.acknowledgedAt} />{' '}
          {item.acknowledgedBy !== null && `by ${item.acknowledgedBy}`}
        </p>
      )}
      {item.snoozedUntil !== null && item.state === 'snoozed' && (
        <p class="muted">
          Snoozed until <Instant at={item.snoozedUntil} />
        </p>
      )}
      <div class="actions">
        {item.keyId !== null && (
          <a class="button" href={`${visitor.basePath}/${item.keyId}`}>
            Look at the key
          </a>
        )}
        {may(visitor, 'keyward:alerts:write') && item.state !== 'resolved' && (
          <>
            {item.state !== 'acknowledged' && (
              <form method="post" action={`${at}/acknowledge`}>
                <FormToken visitor={visitor} />
                <button type="submit">Acknowledge</button>
              </form>
            )}
            <form method="post" action={`${at}/snooze`} class="actions">
              <FormToken visitor={visitor} />
              <label class="unseen" for={`${item.id}-hours`}>
                Snooze for
              </label>
              <select name="hours" id={`${item.id}-hours`}>
                <option value="1">1 hour</option>
                <option value="24" selected>
                  24 hours
                </option>
                <option value="168">7 days</option>
              </select>
              <button type="submit">Snooze</button>
            </form>
          </>
        )}
      </div>
    </article>
  )
}

/** The numbers that a spike was found in. */
function Picture({ item: { details, kind } }: { readonly item: AlertJson }) {
  const { series, unit } = details
  if (!Array.isArray(series) || series.length === 0) return null
  const points = series.filter(isPoint)
  return (
    <StackedChart
      title={kind === 'error_spike' ? 'Errors' : 'Requests'}
      unit={typeof unit === 'string' ? unit : 'requests'}
      at={points.map(({ at }) => at)}
      layers={[
        {
          name: kind === 'error_spike' ? 'Errors' : 'Requests',
          tone: kind === 'error_spike' ? 'bad' : 'accent',
          values: points.map(({ value }) => value),
        },
      ]}
    />
  )
}

function isPoint(point: unknown): point is { readonly at: string; readonly value: number } {
  const { at, value } = Object(point)
  return typeof at === 'string' && typeof value === 'number'
}
