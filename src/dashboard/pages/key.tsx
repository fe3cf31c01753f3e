import type { Child } from 'hono/jsx'
import type { AuditEntryJson, CreditsJson, KeyJson, LimitJson, MovementJson, PageJson, UsageJson } from '../api-json.ts'
import { type Answer, queryText } from '../calls.ts'
import { errorPage } from '../error-page.tsx'
import { counted, Empty, Figure, grouped, Instant, lengthOf, percent } from '../figures.tsx'
import { State, startOf, Tags } from '../key-marks.tsx'
import { FormToken, type Page, PageHead } from '../layout.tsx'
import { CreditsChart, Ranges, RequestsChart, rangeOf, readUsage } from '../ranges.tsx'
import { Trail } from '../trail.tsx'
import { may, type Visitor } from '../visitor.ts'

/** The page of one key. */
export async function keyPage(visitor: Visitor, keyId: string): Promise<Page> {
  return showKey(visitor, keyId, undefined)
}

/** Shows a key, with what was just done to it. */
export async function showKey(visitor: Visitor, keyId: string, notice: Child | undefined): Promise<Page> {
  const { calls } = visitor
  const range = rangeOf(visitor)
  const reads = <T,>(isKnown: boolean, target: string): Promise<Answer<T> | undefined> | undefined =>
    isKnown ? calls.get<T>(target) : undefined
  const hasCredits = visitor.hasRoute('GET', '/keys/:id/credits') && may(visitor, 'keyward:credits:read')
  const found = await calls.get<KeyJson>(`/keys/${keyId}`)
  if (!found.ok) return errorPage(visitor, { ...found, place: 'keys', scope: 'keyward:keys:read' })
  const key = found.body
  const isLive = key.state === 'active' || key.state === 'disabled' || key.state === 'scheduled'
  const [usage, lastHour, limits, credits, movements, trail, lineage] = await Promise.all([
    readUsage(visitor, range, { keyId }),
    key.rotatedTo === null ? undefined : readUsage(visitor, { seconds: 3_600, interval: 'minute' }, { keyId }),
    reads<{ readonly items: readonly LimitJson[] }>(
      isLive && visitor.hasRoute('GET', '/keys/:id/limits'),
      `/keys/${keyId}/limits`,
    ),
    reads<CreditsJson>(hasCredits, `/keys/${keyId}/credits`),
    reads<PageJson<MovementJson>>(hasCredits, `/keys/${keyId}/credits/movements?limit=6`),
    reads<PageJson<AuditEntryJson>>(may(visitor, 'keyward:audit:read'), `/audit${queryText({ keyId, limit: 8 })}`),
    lineageOf(visitor, key),
  ])
  return {
    status: 200,
    title: key.name,
    place: 'keys',
    ...(notice !== undefined && { address: `/${keyId}` }),
    content: (
      <>
        <PageHead title={key.name} note={<span class="mono">{startOf(key)}</span>}>
          <Actions visitor={visitor} item={key} />
        </PageHead>
        {notice}
        {key.rotatedTo !== null && key.state === 'active' && <Grace visitor={visitor} item={key} lastHour={lastHour} />}
        <section class="card" id="usage" data-live={range.name} aria-label="Usage">
          {usage === undefined ? (
            <Empty>Requests, refusals and credits appear here where this store counts them and you may see them.</Empty>
          ) : usage.ok ? (
            <Usage visitor={visitor} usage={usage.body} />
          ) : (
            <Empty>What was used cannot be read at the moment.</Empty>
          )}
        </section>
        <div class="grid">
          <Facts visitor={visitor} item={key} />
          {limits?.ok && <Limits items={limits.body.items} />}
          {credits?.ok && (
            <Credits
              visitor={visitor}
              item={key}
              credits={credits.body}
              movements={movements?.ok ? movements.body.items : []}
            />
          )}
        </div>
        {lineage.length > 1 && (
          <section class="card">
            <h2>Rotations</h2>
            <ol class="lineage">
              {lineage.map(({ id, name, start }) => (
                <li>
                  {id === keyId ? (
                    <span class="box" aria-current="true">
                      {start ?? name}
                    </span>
                  ) : (
                    <a href={`${visitor.basePath}/${id}`}>{start ?? name}</a>
                  )}
                </li>
              ))}
            </ol>
          </section>
        )}
        {trail?.ok && (
          <section class="card flush">
            <header>
              <h2>Audit trail</h2>
              <a href={`${visitor.basePath}/audit${queryText({ keyId })}`}>All entries</a>
            </header>
            <Trail visitor={visitor} entries={trail.body.items} />
          </section>
        )}
      </>
    ),
  }
}

function Usage({ visitor, usage }: { readonly visitor: Visitor; readonly usage: UsageJson }) {
  const range = rangeOf(visitor)
  const { totals } = usage
  return (
    <>
      <header>
        <h2>{`Last ${range.label}`}</h2>
        <Ranges visitor={visitor} current={range} label="Time range" />
      </header>
      <dl class="figures">
        <Figure name="Requests">{grouped(totals.requests)}</Figure>
        <Figure name="Refused" note={`${percent(totals.refused, totals.requests)} of all`}>
          {grouped(totals.refused)}
        </Figure>
        <Figure name="Server errors" note={`${percent(totals.serverErrors, totals.requests)} of all`}>
          {grouped(totals.serverErrors)}
        </Figure>
        <Figure name="Credits">{grouped(totals.credits)}</Figure>
      </dl>
      <RequestsChart usage={usage} range={range} />
      {totals.credits > 0 && <CreditsChart usage={usage} range={range} />}
    </>
  )
}

function Actions({ visitor, item }: { readonly visitor: Visitor; readonly item: KeyJson }) {
  const at = `${visitor.basePath}/${item.id}`
  const { state } = item
  const isLive = state === 'active' || state === 'disabled' || state === 'scheduled'
  const mayWrite = may(visitor, 'keyward:keys:write')
  return (
    <>
      <State of={state} />
      {mayWrite && isLive && (
        <>
          <a class="button" href={`${at}/edit`} data-dialog>
            Edit
          </a>
          {item.rotatedTo === null && (
            <a class="button" href={`${at}/rotate`} data-dialog>
              Rotate
            </a>
          )}
          {state === 'disabled' ? (
            <form method="post" action={`${at}/enable`}>
              <FormToken visitor={visitor} />
              <button type="submit">Enable</button>
            </form>
          ) : (
            <a class="button" href={`${at}/disable`} data-dialog>
              Disable
            </a>
          )}
          <a class="button danger" href={`${at}/revoke`} data-dialog>
            Revoke
          </a>
        </>
      )}
      {mayWrite && !isLive && state !== 'deleted' && (
        <a class="button" href={`${at}/delete`} data-dialog>
          Delete
        </a>
      )}
      {mayWrite && !isLive && (
        <a class="button danger" href={`${at}/purge`} data-dialog>
          Purge
        </a>
      )}
    </>
  )
}

/** What an old key still does, until its grace is over. */
function Grace(props: {
  readonly visitor: Visitor
  readonly item: KeyJson
  readonly lastHour: Answer<UsageJson> | undefined
}) {
  const { visitor, item, lastHour } = props
  const requests = lastHour?.ok ? lastHour.body.totals.requests : undefined
  return (
    <div class="notice warn" id="grace" data-live="grace">
      {item.expiresAt === null ? (
        'This key was replaced, and works until it is revoked. '
      ) : (
        <>
          This key was replaced, and ends <Instant at={item.expiresAt} />.{' '}
        </>
      )}
      {requests === undefined
        ? null
        : requests === 0
          ? 'No request has used it in the last hour.'
          : `${counted(requests, 'request')} in the last hour still used it.`}
      {may(visitor, 'keyward:keys:write') && (
        <a class="button" href={`${visitor.basePath}/${item.id}/revoke`} data-dialog>
          End it now
        </a>
      )}
    </div>
  )
}

function Facts({ visitor, item }: { readonly visitor: Visitor; readonly item: KeyJson }) {
  return (
    <section class="card">
      <h2>Details</h2>
      <dl class="facts">
        <dt>Id</dt>
        <dd class="mono">{item.id}</dd>
        {visitor.actor.owner === null && (
          <>
            <dt>Owner</dt>
            <dd>{item.owner}</dd>
          </>
        )}
        <dt>Scopes</dt>
        <dd>
          <Tags names={item.scopes} />
        </dd>
        <dt>Addresses</dt>
        <dd>{item.addresses.length === 0 ? 'From anywhere' : <Tags names={item.addresses} />}</dd>
        {item.audiences.length > 0 && (
          <>
            <dt>Audiences</dt>
            <dd>
              <Tags names={item.audiences} />
            </dd>
          </>
        )}
        <dt>Created</dt>
        <dd>
          <Instant at={item.createdAt} /> {item.createdBy !== null && `by ${item.createdBy}`}
        </dd>
        {item.startsAt !== null && (
          <>
            <dt>Starts</dt>
            <dd>
              <Instant at={item.startsAt} />
            </dd>
          </>
        )}
        <dt>Expires</dt>
        <dd>
          <Instant at={item.expiresAt} />
        </dd>
        <dt>Last used</dt>
        <dd>
          <Instant at={item.lastUsedAt} />
        </dd>
        {item.revokedAt !== null && (
          <>
            <dt>Revoked</dt>
            <dd>
              <Instant at={item.revokedAt} />
            </dd>
          </>
        )}
      </dl>
    </section>
  )
}

function Limits({ items }: { readonly items: readonly LimitJson[] }) {
  return (
    <section class="card" id="limits" data-live="limits">
      <h2>Limits</h2>
      {items.length === 0 && <p class="muted">No limit holds for this key.</p>}
      {items.map(({ policy, limit, windowSeconds, used, resetAt }) => (
        <div class="meter">
          <p>
            <span>
              {`${grouped(limit)} in ${lengthOf(windowSeconds)}`} <span class="muted">{policy}</span>
            </span>
            <span>
              <strong>{grouped(used)}</strong> used
              {used > 0 && (
                <span class="muted">
                  , free again <Instant at={resetAt} />
                </span>
              )}
            </span>
          </p>
          <meter
            class={used >= limit ? 'full' : ''}
            min={0}
            max={Math.max(1, limit)}
            value={used}
            aria-label={`${policy}: used of ${limit}`}
          >
            {`${used} of ${limit}`}
          </meter>
        </div>
      ))}
    </section>
  )
}

const MOVEMENTS: Readonly<Record<string, string>> = {
  debit: 'Spent',
  settlement: 'Settled',
  refund: 'Given back',
  top_up: 'Topped up',
  set: 'Set',
  refill: 'Refilled',
}

function Credits(props: {
  readonly visitor: Visitor
  readonly item: KeyJson
  readonly credits: CreditsJson
  readonly movements: readonly MovementJson[]
}) {
  const { visitor, item, credits, movements } = props
  const mayTopUp = may(visitor, 'keyward:credits:write') && visitor.actor.owner === null
  return (
    <section class="card" id="credits" data-live="credits">
      <header>
        <h2>Credits</h2>
        {mayTopUp && (
          <a href={`${visitor.basePath}/${item.id}/top-up`} data-dialog>
            Top up
          </a>
        )}
      </header>
      <dl class="figures">
        <Figure name="Balance">{grouped(credits.balance)}</Figure>
        {credits.reserved > 0 && <Figure name="Reserved">{grouped(credits.reserved)}</Figure>}
      </dl>
      {credits.refill !== null && (
        <p class="muted">
          {credits.refill.mode === 'to' ? 'Filled up to' : 'Refilled by'} {grouped(credits.refill.amount)}{' '}
          <Instant at={credits.refillAt} />.
        </p>
      )}
      {movements.length === 0 ? (
        <p class="muted">What is spent and topped up appears here.</p>
      ) : (
        <table>
          <caption class="unseen">Movements, newest first</caption>
          <tbody>
            {movements.map(({ kind, amount, balance, at, reason }) => (
              <tr>
                <td title={reason ?? undefined}>{MOVEMENTS[kind] ?? kind}</td>
                <td title={`Leaves ${grouped(balance)}`}>{`${amount > 0 ? '+' : ''}${grouped(amount)}`}</td>
                <td class="muted">
                  <Instant at={at} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </section>
  )
}

/** How far a lineage is followed, each way. */
const MOST_STEPS = 4

/** The keys that came before and after, oldest first, as far as they are still there. */
async function lineageOf(visitor: Visitor, key: KeyJson): Promise<readonly KeyJson[]> {
  const follow = async (next: (of: KeyJson) => string | null) => {
    const found: KeyJson[] = []
    let id = next(key)
    while (id !== null && found.length < MOST_STEPS) {
      const answer: Answer<KeyJson> = await visitor.calls.get<KeyJson>(`/keys/${id}`)
      if (!answer.ok) break
      found.push(answer.body)
      id = next(answer.body)
    }
    return found
  }
  const [before, after] = await Promise.all([
    follow(({ rotatedFrom }) => rotatedFrom),
    follow(({ rotatedTo }) => rotatedTo),
  ])
  return [...before.toReversed(), key, ...after]
}
