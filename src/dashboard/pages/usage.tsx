import type { GroupJson, KeyJson, UsageJson } from '../api-json.ts'
import { errorPage } from '../error-page.tsx'
import { compact, Empty, Figure, grouped, percent } from '../figures.tsx'
import { type Page, PageHead } from '../layout.tsx'
import { CreditsChart, Ranges, RequestsChart, rangeOf, readUsage } from '../ranges.tsx'
import { may, type Visitor } from '../visitor.ts'

/** How many keys and routes are named. */
const TOP = 8

/** What all keys together were used for. */
export async function usagePage(visitor: Visitor): Promise<Page> {
  const range = rangeOf(visitor)
  const top = { interval: range.interval, limit: TOP }
  const [all, keys, routes] = await Promise.all([
    readUsage(visitor, range, {}),
    readUsage(visitor, range, { ...top, by: 'key' }),
    readUsage(visitor, range, { ...top, by: 'route' }),
  ])
  if (all === undefined) return missingPage(visitor, 'usage', 'Usage')
  if (!all.ok) return errorPage(visitor, { ...all, place: 'usage', scope: 'keyward:usage:read' })
  const { totals } = all.body
  const topKeys = keys?.ok ? await withNames(visitor, keys.body.groups) : undefined
  return {
    status: 200,
    title: 'Usage',
    place: 'usage',
    content: (
      <>
        <PageHead title="Usage">
          <Ranges visitor={visitor} current={range} label="Time range" />
        </PageHead>
        {totals.requests === 0 ? (
          <section class="card" id="all" data-live={range.name}>
            <Empty
              action={
                <a class="button primary" href={`${visitor.basePath}/new`} data-dialog>
                  Create key
                </a>
              }
            >
              Requests appear here a few seconds after they are made. There was none in this time.
            </Empty>
          </section>
        ) : (
          <>
            <section class="card" id="all" data-live={range.name} aria-label="Totals">
              <Totals usage={all.body} />
              <RequestsChart usage={all.body} range={range} />
            </section>
            {totals.credits > 0 && (
              <section class="card" id="credits" data-live={range.name} aria-label="Credits">
                <CreditsChart usage={all.body} range={range} />
              </section>
            )}
            <div class="grid" id="tops" data-live={range.name}>
              {topKeys !== undefined && (
                <Top title="Top keys" groups={topKeys} hrefOf={({ name }) => `${visitor.basePath}/${name}`} />
              )}
              {routes?.ok && <Top title="Top routes" groups={routes.body.groups} />}
            </div>
          </>
        )}
      </>
    ),
  }
}

/** Puts the names of keys where only their ids are at hand. */
async function withNames(visitor: Visitor, groups: readonly GroupJson[]): Promise<readonly GroupJson[]> {
  if (!may(visitor, 'keyward:keys:read')) return groups
  return Promise.all(
    groups.map(async (group) => {
      if (group.label !== null || !group.name.startsWith('key_')) return group
      const found = await visitor.calls.get<KeyJson>(`/keys/${group.name}`)
      return found.ok ? { ...group, label: found.body.name } : group
    }),
  )
}

function Totals({ usage: { totals, overhead } }: { readonly usage: UsageJson }) {
  return (
    <dl class="figures">
      <Figure name="Requests">{grouped(totals.requests)}</Figure>
      <Figure name="Refused" note={`${percent(totals.refused, totals.requests)} of all`}>
        {grouped(totals.refused)}
      </Figure>
      <Figure name="Server errors" note={`${percent(totals.serverErrors, totals.requests)} of all`}>
        {grouped(totals.serverErrors)}
      </Figure>
      <Figure name="Credits">{grouped(totals.credits)}</Figure>
      {overhead !== null && (
        <Figure name="Our overhead, p50" note={`p95 ${microseconds(overhead.p95Microseconds)}`}>
          {microseconds(overhead.p50Microseconds)}
        </Figure>
      )}
    </dl>
  )
}

function microseconds(value: number): string {
  return value >= 1_000 ? `${(value / 1_000).toFixed(1)} ms` : `${Math.round(value)} µs`
}

function Top(props: {
  readonly title: string
  readonly groups: readonly GroupJson[]
  readonly hrefOf?: (group: GroupJson) => string
}) {
  const { title, groups, hrefOf } = props
  return (
    <section class="card flush">
      <header>
        <h2>{title}</h2>
      </header>
      <table class="rows">
        <thead>
          <tr>
            <th scope="col">Name</th>
            <th scope="col" class="number">
              Requests
            </th>
            <th scope="col" class="number">
              Errors
            </th>
            <th scope="col" class="number">
              Credits
            </th>
          </tr>
        </thead>
        <tbody>
          {groups.map((group) => (
            <tr>
              <th scope="row" class="name">
                {hrefOf !== undefined && /^key_/.test(group.name) ? (
                  <a href={hrefOf(group)}>{group.label ?? group.name}</a>
                ) : (
                  (group.label ?? group.name) || 'Other'
                )}
              </th>
              <td class="number" data-label="Requests">
                {grouped(group.requests)}
              </td>
              <td class="number" data-label="Errors">
                {percent(group.clientErrors + group.serverErrors, group.requests)}
              </td>
              <td class="number" data-label="Credits">
                {compact(group.credits)}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  )
}

/** For what the store does not keep, or the visitor may not see. */
export function missingPage(visitor: Visitor, place: 'usage' | 'apps' | 'alerts', title: string): Page {
  const scope = place === 'alerts' ? 'keyward:alerts:read' : 'keyward:usage:read'
  if (!may(visitor, scope)) return errorPage(visitor, { code: 'forbidden', status: 403, place, scope })
  return {
    status: 200,
    title,
    place,
    content: (
      <>
        <PageHead title={title} />
        <section class="card">
          <Empty>This store does not keep what this page would show.</Empty>
        </section>
      </>
    ),
  }
}
