import type { GroupJson, KeyJson, PageJson, UsageJson } from '../api-json.ts'
import { queryText } from '../calls.ts'
import { Sparkline } from '../charts.tsx'
import { errorPage } from '../error-page.tsx'
import { counted, Empty, Instant } from '../figures.tsx'
import { State, startOf, Tags } from '../key-marks.tsx'
import { type Page, PageHead } from '../layout.tsx'
import { Pager } from '../pager.tsx'
import { may, type Visitor } from '../visitor.ts'

/** So many that a page stays under 60 kB with its style sheet and script. */
const PAGE = 25
const DAY_MS = 86_400_000

const STATES = ['active', 'scheduled', 'disabled', 'revoked', 'expired', 'deleted'] as const
const SORTS = [
  ['newest', 'Newest first'],
  ['oldest', 'Oldest first'],
  ['name', 'By name'],
  ['lastUsed', 'Last used first'],
] as const

/** The list of keys. */
export async function keysPage(visitor: Visitor): Promise<Page> {
  const { calls, query, basePath } = visitor
  const asked = ['search', 'state', 'sort', 'owner', 'cursor'].map((name) => [name, query.get(name)] as const)
  const filters = Object.fromEntries(asked)
  const sort = filters['sort'] === 'newest' ? null : (filters['sort'] ?? null)
  const answer = await calls.get<PageJson<KeyJson>>(`/keys${queryText({ ...filters, sort, limit: PAGE })}`)
  if (!answer.ok) return errorPage(visitor, { ...answer, place: 'keys', scope: 'keyward:keys:read' })
  const { items, nextCursor } = answer.body
  const isFiltered = asked.some(([, value]) => value !== null && value !== '')
  const used = await usageOf(visitor, items)
  const mayWrite = may(visitor, 'keyward:keys:write')
  const create = (
    <a class="button primary" href={`${basePath}/new`} data-dialog>
      Create key
    </a>
  )
  return {
    status: 200,
    title: 'Keys',
    place: 'keys',
    content: (
      <>
        <PageHead title="Keys">{mayWrite && create}</PageHead>
        {(items.length > 0 || isFiltered) && <Filters visitor={visitor} />}
        {items.length === 0 ? (
          <section class="card">
            {isFiltered ? (
              <Empty
                action={
                  <a class="button" href={basePath || '/'}>
                    Show all keys
                  </a>
                }
              >
                No key fits. Keys whose name, first characters or owner begin with what you search for would appear
                here.
              </Empty>
            ) : (
              <Empty action={mayWrite && create}>
                Keys appear here with their state, their scopes and their last day of use, as soon as there is one.
              </Empty>
            )}
          </section>
        ) : (
          <section class="card flush" id="keys" data-live="keys" aria-label="Keys">
            <table class="rows">
              <thead>
                <tr>
                  <th scope="col">Name</th>
                  <th scope="col">State</th>
                  <th scope="col">Key</th>
                  <th scope="col">Scopes</th>
                  {used !== undefined && <th scope="col">24 hours</th>}
                  <th scope="col">Last used</th>
                  <th scope="col">Created</th>
                  <th scope="col">Expires</th>
                </tr>
              </thead>
              <tbody>
                {items.map((key) => (
                  <KeyRow visitor={visitor} item={key} used={used} />
                ))}
              </tbody>
            </table>
          </section>
        )}
        <Pager visitor={visitor} nextCursor={nextCursor} />
      </>
    ),
  }
}

type Used = ReadonlyMap<string, GroupJson>

function KeyRow({
  visitor,
  item,
  used,
}: {
  readonly visitor: Visitor
  readonly item: KeyJson
  readonly used: Used | undefined
}) {
  const group = used?.get(item.id)
  return (
    <tr>
      <th scope="row" class="name">
        <a href={`${visitor.basePath}/${item.id}`}>{item.name}</a>
        {visitor.actor.owner === null && <small>{item.owner}</small>}
      </th>
      <td data-label="State">
        <State of={item.state} />
      </td>
      <td data-label="Key" class="mono">
        {startOf(item)}
      </td>
      <td data-label="Scopes">
        <Tags names={item.scopes} most={3} />
      </td>
      {used !== undefined && (
        <td data-label="24 hours">
          <Sparkline
            values={group?.series.map(({ requests }) => requests) ?? Array.from({ length: 24 }, () => 0)}
            label={`${counted(group?.requests ?? 0, 'request')} in 24 hours`}
          />
        </td>
      )}
      <td data-label="Last used">
        <Instant at={item.lastUsedAt} />
      </td>
      <td data-label="Created">
        <Instant at={item.createdAt} />
      </td>
      <td data-label="Expires">
        <Instant at={item.expiresAt} />
      </td>
    </tr>
  )
}

function Filters({ visitor }: { readonly visitor: Visitor }) {
  const { query, basePath } = visitor
  return (
    <search>
      <form class="filters" method="get" action={basePath || '/'}>
        <div class="field wide">
          <input
            type="search"
            name="search"
            value={query.get('search') ?? ''}
            placeholder="Name, first characters or owner"
            aria-label="Search"
            maxlength={200}
          />
        </div>
        <div class="field">
          <select name="state" aria-label="State" data-send>
            <option value="">Any state</option>
            {STATES.map((state) => (
              <option value={state} selected={query.get('state') === state}>
                {state.charAt(0).toUpperCase() + state.slice(1)}
              </option>
            ))}
          </select>
        </div>
        <div class="field">
          <select name="sort" aria-label="Sort" data-send>
            {SORTS.map(([sort, label]) => (
              <option value={sort} selected={query.get('sort') === sort}>
                {label}
              </option>
            ))}
          </select>
        </div>
        <button type="submit">Search</button>
      </form>
    </search>
  )
}

/** What the keys of a page did in the last 24 hours; `undefined` where it is not to be known. */
async function usageOf(visitor: Visitor, keys: readonly KeyJson[]): Promise<Used | undefined> {
  const isKnown = visitor.hasRoute('GET', '/usage') && may(visitor, 'keyward:usage:read')
  if (!isKnown || keys.length === 0) return undefined
  const query = queryText({
    keyId: keys.map(({ id }) => id).join(),
    from: new Date(visitor.now.getTime() - DAY_MS + 3_600_000).toISOString(),
    to: visitor.now.toISOString(),
    by: 'key',
    interval: 'hour',
    limit: PAGE,
  })
  const answer = await visitor.calls.get<UsageJson>(`/usage${query}`)
  return answer.ok ? new Map(answer.body.groups.map((group) => [group.name, group])) : undefined
}
