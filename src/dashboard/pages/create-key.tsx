import type { CreatedKeyJson, KeyJson, PageJson, PolicyJson } from '../api-json.ts'
import type { Refusal } from '../calls.ts'
import { errorPage, sentenceFor } from '../error-page.tsx'
import { lengthOf } from '../figures.tsx'
import { EXPIRIES, ExpiryField, issueFor, readExpiry } from '../key-fields.tsx'
import { FormToken, type Page, PageHead } from '../layout.tsx'
import { field, words } from '../read-form.ts'
import { shownOnce, usedForm } from '../shown-once.tsx'
import { may, type Visitor } from '../visitor.ts'

/** The form for a new key. */
export async function newKeyPage(visitor: Visitor): Promise<Page> {
  return formPage(visitor, undefined)
}

/** Makes a key, and shows it: once, in this answer alone. */
export async function createKey(visitor: Visitor): Promise<Page> {
  const { form, actor, calls } = visitor
  const expiresAt = readExpiry(form, visitor.now)
  if ('issue' in expiresAt)
    return formPage(visitor, { ok: false, code: 'validation_failed', status: 422, issues: [expiresAt.issue] })
  const startsAt = field(form, 'starts')
  const isInstant = startsAt === '' || !Number.isNaN(Date.parse(`${startsAt}Z`))
  if (!isInstant)
    return formPage(visitor, {
      ...{ ok: false, code: 'validation_failed', status: 422 },
      issues: [{ path: ['startsAt'], message: 'must be a date and time' }],
    })
  const policies = form.getAll('policy')
  const body = {
    name: field(form, 'name'),
    ...(actor.owner === null && { owner: field(form, 'owner') }),
    scopes: [...new Set([...form.getAll('scope'), ...words(field(form, 'more-scopes'))])],
    addresses: words(field(form, 'addresses')),
    ...(policies.length > 0 && { policies }),
    ...(startsAt !== '' && { startsAt: new Date(`${startsAt}Z`).toISOString() }),
    expiresAt: expiresAt.at,
  }
  if (!(await visitor.takeForm(field(form, 'once')))) return usedForm(visitor)
  const answer = await calls.send<CreatedKeyJson>('POST', '/keys', { body })
  if (answer.ok) return shownOnce(visitor, answer.body, `“${answer.body.name}” is ready.`)
  return answer.code === 'validation_failed' || answer.code === 'forbidden' || answer.code === 'not_found'
    ? formPage(visitor, answer)
    : errorPage(visitor, { ...answer, place: 'keys' })
}

async function formPage(visitor: Visitor, refusal: Refusal | undefined): Promise<Page> {
  const { basePath, actor, form, calls } = visitor
  if (!may(visitor, 'keyward:keys:write'))
    return errorPage(visitor, { code: 'forbidden', status: 403, place: 'keys', scope: 'keyward:keys:write' })
  const known = may(visitor, 'keyward:keys:read') ? await calls.get<PageJson<KeyJson>>('/keys?limit=100') : undefined
  const keys = known?.ok ? known.body.items : []
  const mayLimit =
    may(visitor, 'keyward:policies:read') && (actor.owner === null || may(visitor, 'keyward:policies:write'))
  const policies = mayLimit ? await calls.get<{ readonly items: readonly PolicyJson[] }>('/policies') : undefined
  const owners = [...new Set(keys.map(({ owner }) => owner))]
  const owner = form.has('owner') ? field(form, 'owner') : owners.length === 1 ? owners[0] : 'default'
  const scopes = offeredScopes(visitor, keys)
  const chosen = form.getAll('scope')
  const wrong = (...path: readonly string[]) => issueFor(refusal, path)
  const isUnnamed =
    refusal !== undefined &&
    !['name', 'owner', 'scopes', 'addresses', 'expiresAt', 'startsAt'].some((name) => wrong(name))
  return {
    status: refusal?.status ?? 200,
    title: 'Create key',
    place: 'keys',
    content: (
      <>
        <PageHead title="Create key" />
        <section class="card prose">
          {isUnnamed && (
            <p class="notice bad" role="alert">
              {sentenceFor(refusal)}
            </p>
          )}
          <form method="post" action={`${basePath}/new`} class="stack">
            <FormToken visitor={visitor} />
            <input type="hidden" name="once" value={visitor.newForm()} />
            <label class="field">
              <span>Name</span>
              <input
                name="name"
                value={field(form, 'name')}
                required
                autofocus
                maxlength={128}
                autocomplete="off"
                placeholder="Production"
              />
              {wrong('name')}
            </label>
            {actor.owner === null && (
              <label class="field">
                <span>Owner</span>
                <input name="owner" value={owner} required maxlength={128} autocomplete="off" list="owners" />
                <datalist id="owners">
                  {owners.map((each) => (
                    <option value={each} />
                  ))}
                </datalist>
                <small>The organization or user that the key belongs to.</small>
                {wrong('owner')}
              </label>
            )}
            <fieldset>
              <legend>Scopes</legend>
              {scopes.length > 0 && (
                <div class="checks">
                  {scopes.map((scope) => (
                    <label>
                      <input type="checkbox" name="scope" value={scope} checked={chosen.includes(scope)} />
                      <span class="mono">{scope}</span>
                    </label>
                  ))}
                </div>
              )}
              {actor.scopes.includes('*') ? (
                <label class="field">
                  <span class="unseen">More scopes</span>
                  <input
                    name="more-scopes"
                    value={field(form, 'more-scopes')}
                    autocomplete="off"
                    autocapitalize="off"
                    placeholder="tasks:write files:read"
                  />
                  <small>
                    What the key may do, with spaces between. Without any, it opens only routes that demand none.
                  </small>
                </label>
              ) : (
                scopes.length === 0 && <small>You have no scopes that a key could get.</small>
              )}
              {wrong('scopes')}
            </fieldset>
            <ExpiryField
              choices={EXPIRIES}
              chosen={field(form, 'expiry') || 'never'}
              date={field(form, 'expiry-date')}
              wrong={wrong('expiresAt')}
            />
            <details open={refusal !== undefined && (wrong('addresses') ?? wrong('startsAt')) !== undefined}>
              <summary>More</summary>
              <div class="stack">
                <label class="field">
                  <span>Addresses</span>
                  <textarea name="addresses" autocapitalize="off" placeholder={'203.0.113.7\n198.51.100.0/24'}>
                    {field(form, 'addresses')}
                  </textarea>
                  <small>Addresses and ranges that the key is good from, one a line. Empty means from anywhere.</small>
                  {wrong('addresses')}
                </label>
                <label class="field">
                  <span>Starts (UTC)</span>
                  <input type="datetime-local" name="starts" value={field(form, 'starts')} />
                  <small>Empty means now.</small>
                  {wrong('startsAt')}
                </label>
                {policies?.ok && policies.body.items.length > 0 && (
                  <fieldset>
                    <legend>Limits</legend>
                    <div class="checks">
                      {policies.body.items.map(({ name, windows }) => (
                        <label>
                          <input
                            type="checkbox"
                            name="policy"
                            value={name}
                            checked={form.getAll('policy').includes(name)}
                          />
                          {name}
                          <small>
                            {windows
                              .map(({ limit, windowSeconds }) => `${limit} in ${lengthOf(windowSeconds)}`)
                              .join(', ')}
                          </small>
                        </label>
                      ))}
                    </div>
                    <small>Without any, the key gets the default.</small>
                  </fieldset>
                )}
              </div>
            </details>
            <div class="actions">
              <button type="submit" class="primary">
                Create key
              </button>
              <a class="button" href={basePath || '/'} data-cancel>
                Cancel
              </a>
            </div>
          </form>
        </section>
      </>
    ),
  }
}

/** Scopes to choose from: one's own, or, for who has all, those that keys have already. */
function offeredScopes({ actor }: Visitor, keys: readonly KeyJson[]): readonly string[] {
  const known = actor.scopes.includes('*') ? keys.flatMap(({ scopes }) => scopes) : actor.scopes
  return [...new Set(known)].sort().slice(0, 40)
}
