import type { ChangedKeyJson, KeyJson } from '../api-json.ts'
import type { Refusal } from '../calls.ts'
import { errorPage, sentenceFor } from '../error-page.tsx'
import { EXPIRIES, ExpiryField, issueFor, readExpiry } from '../key-fields.tsx'
import { FormToken, type Page, PageHead } from '../layout.tsx'
import { field, words } from '../read-form.ts'
import type { Visitor } from '../visitor.ts'
import { showKey } from './key.tsx'

/** The form to change a key. */
export async function editPage(visitor: Visitor, keyId: string): Promise<Page> {
  const found = await visitor.calls.get<KeyJson>(`/keys/${keyId}`)
  if (!found.ok) return errorPage(visitor, { ...found, place: 'keys' })
  return formPage(visitor, found.body, undefined)
}

/** Changes the fields that the form has others of. */
export async function editKey(visitor: Visitor, keyId: string): Promise<Page> {
  const { calls, form } = visitor
  const found = await calls.get<KeyJson>(`/keys/${keyId}`)
  if (!found.ok) return errorPage(visitor, { ...found, place: 'keys' })
  const expiresAt = readExpiry(form, visitor.now)
  if ('issue' in expiresAt)
    return formPage(visitor, found.body, {
      ok: false,
      code: 'validation_failed',
      status: 422,
      issues: [expiresAt.issue],
    })
  const body = {
    ...changed('name', field(form, 'name'), found.body.name),
    ...changed('scopes', words(field(form, 'scopes')), found.body.scopes),
    ...changed('addresses', words(field(form, 'addresses')), found.body.addresses),
    ...(expiresAt.at !== undefined && { expiresAt: expiresAt.at }),
  }
  const answer = await calls.send<ChangedKeyJson>('PATCH', `/keys/${keyId}`, {
    body,
    ifVersion: field(form, 'version'),
  })
  if (!answer.ok)
    return answer.code === 'validation_failed' || answer.code === 'forbidden'
      ? formPage(visitor, found.body, answer)
      : errorPage(visitor, { ...answer, place: 'keys' })
  return showKey(
    visitor,
    keyId,
    <p class={`notice ${answer.body.fenced ? 'good' : 'warn'}`} role="status">
      {answer.body.fenced ? 'Saved. Every instance goes by it.' : 'Saved. Waiting for the gate.'}
    </p>,
  )
}

function changed(name: string, value: string | readonly string[], before: string | readonly string[]): object {
  return JSON.stringify(value) === JSON.stringify(before) ? {} : { [name]: value }
}

function formPage(visitor: Visitor, key: KeyJson, refusal: Refusal | undefined): Page {
  const at = `${visitor.basePath}/${key.id}`
  const { form } = visitor
  const shown = (name: string, value: string) => (form.has(name) ? field(form, name) : value)
  const wrong = (name: string) => issueFor(refusal, [name])
  const isNamed = ['name', 'scopes', 'addresses', 'expiresAt'].some((name) => wrong(name) !== undefined)
  return {
    status: refusal?.status ?? 200,
    title: 'Edit key',
    place: 'keys',
    content: (
      <>
        <PageHead title={`Edit “${key.name}”`} />
        <section class="card prose">
          {refusal !== undefined && !isNamed && (
            <p class="notice bad" role="alert">
              {sentenceFor(refusal)}
            </p>
          )}
          <form method="post" action={`${at}/edit`} class="stack">
            <FormToken visitor={visitor} />
            <input type="hidden" name="version" value={key.version} />
            <label class="field">
              <span>Name</span>
              <input
                name="name"
                value={shown('name', key.name)}
                required
                autofocus
                maxlength={128}
                autocomplete="off"
              />
              {wrong('name')}
            </label>
            <label class="field">
              <span>Scopes</span>
              <input
                name="scopes"
                value={shown('scopes', key.scopes.join(' '))}
                autocomplete="off"
                autocapitalize="off"
              />
              <small>With spaces between.</small>
              {wrong('scopes')}
            </label>
            <ExpiryField
              choices={[['keep', 'As it is', null], ...EXPIRIES]}
              chosen={shown('expiry', 'keep')}
              date={field(form, 'expiry-date')}
              wrong={wrong('expiresAt')}
            />
            <label class="field">
              <span>Addresses</span>
              <textarea name="addresses" autocapitalize="off">
                {shown('addresses', key.addresses.join('\n'))}
              </textarea>
              <small>Addresses and ranges that the key is good from, one a line. Empty means from anywhere.</small>
              {wrong('addresses')}
            </label>
            <div class="actions">
              <button type="submit" class="primary">
                Save changes
              </button>
              <a class="button" href={at} data-cancel>
                Cancel
              </a>
            </div>
          </form>
        </section>
      </>
    ),
  }
}
