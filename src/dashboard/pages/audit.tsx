import type { AuditEntryJson, AuditVerificationJson, PageJson } from '../api-json.ts'
import { queryText } from '../calls.ts'
import { errorPage } from '../error-page.tsx'
import { grouped } from '../figures.tsx'
import { type Page, PageHead } from '../layout.tsx'
import { Pager } from '../pager.tsx'
import { securedDownload } from '../secured-answer.ts'
import { AUDIT_ACTIONS, Trail } from '../trail.tsx'
import type { Visitor } from '../visitor.ts'

const SCOPE = 'keyward:audit:read'
/** So many that a page stays under 60 kB with its style sheet and script. */
const PAGE = 40

/** The audit trail. Its filters are in the address. */
export async function auditPage(visitor: Visitor): Promise<Page> {
  const { calls, query, basePath } = visitor
  const filters = filtersOf(visitor)
  const answer = await calls.get<PageJson<AuditEntryJson>>(
    `/audit${queryText({ ...filters, cursor: query.get('cursor'), limit: PAGE })}`,
  )
  if (!answer.ok) return errorPage(visitor, { ...answer, place: 'audit', scope: SCOPE })
  const { items, nextCursor } = answer.body
  const exportLink = (format: string) => `${basePath}/audit/export${queryText({ ...filters, format })}`
  return {
    status: 200,
    title: 'Audit',
    place: 'audit',
    content: (
      <>
        <PageHead
          title="Audit"
          note="Every change and every refusal, in chains that show if anything was edited or removed."
        >
          <a class="button" href={exportLink('csv')} download>
            Export CSV
          </a>
          <a class="button" href={exportLink('jsonl')} download>
            Export JSON Lines
          </a>
        </PageHead>
        <Filters visitor={visitor} />
        <section class="card flush" aria-label="Entries">
          <Trail visitor={visitor} entries={items} />
        </section>
        <Pager visitor={visitor} nextCursor={nextCursor} />
        <VerifyForm
          visitor={visitor}
          owners={[...new Set(items.map(({ owner }) => owner))].sort(
            (one, other) => Number(one === '') - Number(other === ''),
          )}
        />
      </>
    ),
  }
}

/** An export, as the management API makes it: CSV is harmless in spreadsheets. */
export async function exportAudit(visitor: Visitor): Promise<Page | Response> {
  const format = visitor.query.get('format') === 'csv' ? 'csv' : 'jsonl'
  const answer = await visitor.calls.download(`/audit/export${queryText({ ...filtersOf(visitor), format })}`)
  return answer instanceof Response
    ? securedDownload(answer)
    : errorPage(visitor, { ...answer, place: 'audit', scope: SCOPE })
}

/** Checks the chain of an owner. */
export async function verifyAudit(visitor: Visitor): Promise<Page> {
  const owner = visitor.query.get('owner') ?? visitor.actor.owner ?? ''
  const answer = await visitor.calls.get<AuditVerificationJson>(`/audit/verify?owner=${encodeURIComponent(owner)}`)
  if (!answer.ok) return errorPage(visitor, { ...answer, place: 'audit', scope: SCOPE })
  const { isIntact, goodThroughSequence, anchorSequence, headHash, broken } = answer.body
  return {
    status: 200,
    title: 'Chain of the audit trail',
    place: 'audit',
    content: (
      <>
        <PageHead title="Chain of the audit trail" note={owner === '' ? 'Entries that belong to no owner' : owner} />
        <p class={`notice ${isIntact ? 'good' : 'bad'}`} role="status">
          {isIntact
            ? `Chain verified up to #${grouped(goodThroughSequence)}. Nothing was edited or removed.`
            : `Chain verified up to #${grouped(goodThroughSequence)} only. Entry #${grouped(broken?.sequence ?? 0)} is ${FAULTS[broken?.fault ?? 'missing']}.`}
        </p>
        <section class="card prose">
          {anchorSequence > 0 && <p>{`Entries up to #${grouped(anchorSequence)} were old enough to be purged.`}</p>}
          <p class="muted">Keep this hash elsewhere: a chain that was written anew would end in another one.</p>
          <p>
            <code>{headHash}</code>
          </p>
          <p>
            <a class="button" href={`${visitor.basePath}/audit`}>
              Go to the audit trail
            </a>
          </p>
        </section>
      </>
    ),
  }
}

const FAULTS = {
  missing: 'missing',
  edited: 'edited',
  out_of_place: 'out of place',
  surplus: 'one too many',
  wrong_head: 'not where the chain is said to end',
} as const

function filtersOf({ query }: Visitor): Readonly<Record<string, string | undefined>> {
  const given = (name: string) => query.get(name) || undefined
  const from = given('from')
  const to = given('to')
  return {
    owner: given('owner'),
    keyId: given('keyId'),
    action: given('action'),
    // Days, in UTC; the last one is included.
    from: from && instantOf(from, 0),
    to: to && instantOf(to, 86_400_000),
  }
}

function instantOf(day: string, laterMs: number): string {
  const at = Date.parse(`${day}T00:00:00Z`)
  return Number.isNaN(at) ? day : new Date(at + laterMs).toISOString()
}

function Filters({ visitor }: { readonly visitor: Visitor }) {
  const { query, basePath, actor } = visitor
  const value = (name: string) => query.get(name) ?? ''
  return (
    <search>
      <form class="filters" method="get" action={`${basePath}/audit`}>
        <label class="field">
          <span>What</span>
          <select name="action">
            <option value="">Everything</option>
            {AUDIT_ACTIONS.map(([action, label]) => (
              <option value={action} selected={value('action') === action}>
                {label}
              </option>
            ))}
          </select>
        </label>
        {actor.owner === null && (
          <label class="field">
            <span>Owner</span>
            <input name="owner" value={value('owner')} autocomplete="off" maxlength={256} />
          </label>
        )}
        <label class="field wide">
          <span>Key id</span>
          <input
            name="keyId"
            value={value('keyId')}
            autocomplete="off"
            autocapitalize="off"
            maxlength={64}
            placeholder="key_…"
          />
        </label>
        <label class="field">
          <span>From (UTC)</span>
          <input type="date" name="from" value={value('from')} />
        </label>
        <label class="field">
          <span>To (UTC)</span>
          <input type="date" name="to" value={value('to')} />
        </label>
        <button type="submit">Filter</button>
      </form>
    </search>
  )
}

function VerifyForm({ visitor, owners }: { readonly visitor: Visitor; readonly owners: readonly string[] }) {
  const { basePath, actor } = visitor
  return (
    <form class="filters" method="get" action={`${basePath}/audit/verify`}>
      {actor.owner === null && (
        <label class="field">
          <span>Chain of owner</span>
          <input name="owner" value={owners[0] ?? ''} autocomplete="off" list="chains" maxlength={256} />
          <datalist id="chains">
            {owners.map((owner) => (
              <option value={owner} />
            ))}
          </datalist>
        </label>
      )}
      <button type="submit">Verify chain</button>
    </form>
  )
}
