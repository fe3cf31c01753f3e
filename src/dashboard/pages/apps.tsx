import type { RankingJson } from '../api-json.ts'
import { queryText } from '../calls.ts'
import { errorPage } from '../error-page.tsx'
import { Empty, grouped } from '../figures.tsx'
import { type Page, PageHead } from '../layout.tsx'
import { Ranges, rangeOf } from '../ranges.tsx'
import { may, type Visitor } from '../visitor.ts'
import { missingPage } from './usage.tsx'

/** The apps that used the API most. */
export async function appsPage(visitor: Visitor): Promise<Page> {
  if (!visitor.hasRoute('GET', '/rankings') || !may(visitor, 'keyward:usage:read'))
    return missingPage(visitor, 'apps', 'Apps')
  const range = rangeOf(visitor, '7d')
  const from = new Date(visitor.now.getTime() - range.seconds * 1_000)
  const query = queryText({ from: from.toISOString(), to: visitor.now.toISOString(), limit: 50 })
  const answer = await visitor.calls.get<{ readonly items: readonly RankingJson[] }>(`/rankings${query}`)
  if (!answer.ok) return errorPage(visitor, { ...answer, place: 'apps', scope: 'keyward:usage:read' })
  const { items } = answer.body
  return {
    status: 200,
    title: 'Apps',
    place: 'apps',
    content: (
      <>
        <PageHead title="Apps" note={`By requests in the last ${range.label}, against the ${range.label} before.`}>
          <Ranges visitor={visitor} current={range} label="Time range" />
        </PageHead>
        <section class="card flush" id="apps" data-live={range.name} aria-label="Apps">
          {items.length === 0 ? (
            <Empty>
              Apps appear here when their requests say who they are: by an HTTP-Referer or Referer header with their
              address, and a title.
            </Empty>
          ) : (
            <table class="rows">
              <thead>
                <tr>
                  <th scope="col" class="number">
                    #
                  </th>
                  <th scope="col">App</th>
                  <th scope="col" class="number">
                    Requests
                  </th>
                  <th scope="col" class="number">
                    Change
                  </th>
                  <th scope="col" class="number">
                    Credits
                  </th>
                  <th scope="col" class="number">
                    Keys
                  </th>
                </tr>
              </thead>
              <tbody>
                {items.map((item) => (
                  <tr>
                    <td class="number" data-label="Rank">
                      {item.rank}
                    </td>
                    <th scope="row" class="name">
                      <App item={item} />
                    </th>
                    <td class="number" data-label="Requests">
                      {grouped(item.requests)}
                    </td>
                    <td class="number" data-label="Change">
                      <Change item={item} />
                    </td>
                    <td class="number" data-label="Credits">
                      {grouped(item.credits)}
                    </td>
                    <td class="number" data-label="Keys">
                      {grouped(item.keys)}
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          )}
        </section>
      </>
    ),
  }
}

function App({ item: { app, title, referer } }: { readonly item: RankingJson }) {
  return (
    <>
      {title ?? referer ?? (app || 'Without a name')}
      {referer !== null && (
        <small>
          {isWebAddress(referer) ? (
            <a href={referer} rel="noopener noreferrer nofollow">
              {referer}
            </a>
          ) : (
            referer
          )}
        </small>
      )}
    </>
  )
}

/** Only such an address becomes a link: what the client wrote could be a script. */
function isWebAddress(text: string): boolean {
  return URL.canParse(text) && /^https?:$/.test(new URL(text).protocol)
}

function Change({ item: { change } }: { readonly item: RankingJson }) {
  if (change === null) return <span class="muted">New</span>
  const text = `${change >= 0 ? '+' : '−'}${Math.abs(change * 100).toFixed(0)}%`
  return <span class={change < 0 ? 'bad' : 'good'}>{text}</span>
}
