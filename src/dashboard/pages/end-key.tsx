import type { Child } from 'hono/jsx'
import type { ChangedKeyJson, KeyJson } from '../api-json.ts'
import { errorPage } from '../error-page.tsx'
import { counted } from '../figures.tsx'
import { FormToken, type Page, PageHead } from '../layout.tsx'
import { readUsage } from '../ranges.tsx'
import { field } from '../read-form.ts'
import type { Visitor } from '../visitor.ts'
import { showKey } from './key.tsx'

/** What stops a key. */
type Ending = 'revoke' | 'disable' | 'delete' | 'purge'

const ENDINGS: Readonly<Record<Ending, { readonly verb: string; readonly done: string; readonly what: string }>> = {
  revoke: { verb: 'Revoke', done: 'Revoked.', what: 'It stops for good and stays in the list. This cannot be undone.' },
  disable: { verb: 'Disable', done: 'Disabled.', what: 'It stops until somebody enables it again.' },
  delete: { verb: 'Delete', done: 'Deleted.', what: 'It leaves the list. This cannot be undone.' },
  purge: {
    verb: 'Purge',
    done: 'Purged.',
    what: 'Its row is removed for good; the audit trail keeps its id, name and first characters. This cannot be undone.',
  },
}

/** Makes the page that asks once more. */
export function endPage(ending: Ending): (visitor: Visitor, keyId: string) => Promise<Page> {
  return async (visitor, keyId) => {
    const found = await visitor.calls.get<KeyJson>(`/keys/${keyId}`)
    if (!found.ok) return errorPage(visitor, { ...found, place: 'keys' })
    return confirmPage(visitor, ending, found.body, undefined)
  }
}

/** Makes what the form of that page does. */
export function endKey(ending: Ending): (visitor: Visitor, keyId: string) => Promise<Page> {
  return async (visitor, keyId) => {
    const { calls, form } = visitor
    if (ending === 'purge') {
      const found = await calls.get<KeyJson>(`/keys/${keyId}`)
      if (!found.ok) return errorPage(visitor, { ...found, place: 'keys' })
      if (field(form, 'name') !== found.body.name.trim())
        return confirmPage(visitor, ending, found.body, 'That is not the name of the key. Nothing was changed.')
    }
    const answer =
      ending === 'delete' || ending === 'purge'
        ? await calls.send<ChangedKeyJson>('DELETE', `/keys/${keyId}${ending === 'purge' ? '?purge=true' : ''}`)
        : await calls.send<ChangedKeyJson>('POST', `/keys/${keyId}/${ending}`, { body: {} })
    if (!answer.ok) return errorPage(visitor, { ...answer, place: 'keys' })
    const notice = <Done text={ENDINGS[ending].done} fenced={answer.body.fenced} />
    const still = ending === 'purge' ? undefined : await calls.get<KeyJson>(`/keys/${keyId}`)
    return still?.ok ? showKey(visitor, keyId, notice) : gonePage(visitor, answer.body, notice)
  }
}

/** Lets a disabled key work again. */
export async function toggleKey(visitor: Visitor, keyId: string): Promise<Page> {
  const answer = await visitor.calls.send<ChangedKeyJson>('POST', `/keys/${keyId}/enable`, { body: {} })
  if (!answer.ok) return errorPage(visitor, { ...answer, place: 'keys' })
  return showKey(
    visitor,
    keyId,
    <p class="notice good" role="status">
      {answer.body.fenced ? 'Enabled. Every instance accepts it again.' : 'Enabled. Waiting for the gate.'}
    </p>,
  )
}

/** Says exactly what `fenced` says. */
function Done({ text, fenced }: { readonly text: string; readonly fenced: boolean }) {
  return (
    <p class={`notice ${fenced ? 'good' : 'warn'}`} role="status">
      {`${text} ${fenced ? 'No instance accepts it.' : 'Waiting for the gate.'}`}
    </p>
  )
}

function gonePage({ basePath }: Visitor, { name }: KeyJson, notice: Child): Page {
  return {
    status: 200,
    title: name,
    place: 'keys',
    address: '',
    content: (
      <>
        <PageHead title={name} />
        {notice}
        <p>
          <a class="button" href={basePath || '/'}>
            Go to the keys
          </a>
        </p>
      </>
    ),
  }
}

async function confirmPage(visitor: Visitor, ending: Ending, key: KeyJson, problem: string | undefined): Promise<Page> {
  const at = `${visitor.basePath}/${key.id}`
  const { verb, what } = ENDINGS[ending]
  const usage = await readUsage(visitor, { seconds: 3_600, interval: 'minute' }, { keyId: key.id })
  const isWorking = key.state === 'active'
  const requests = usage?.ok ? usage.body.totals.requests - usage.body.totals.refused : undefined
  return {
    status: problem === undefined ? 200 : 422,
    title: `${verb} key`,
    place: 'keys',
    content: (
      <>
        <PageHead title={`${verb} “${key.name}”?`} />
        <section class="card prose">
          {problem !== undefined && (
            <p class="notice bad" role="alert">
              {problem}
            </p>
          )}
          {isWorking && requests !== undefined && (
            <p>
              <strong>
                {requests === 0
                  ? 'No request has used it in the last hour.'
                  : `${counted(requests, 'request')} in the last hour will start to fail.`}
              </strong>
            </p>
          )}
          {isWorking && requests === undefined && <p>Requests that use it will start to fail.</p>}
          <p>{what}</p>
          <form method="post" action={`${at}/${ending}`} class="stack">
            <FormToken visitor={visitor} />
            {ending === 'purge' && (
              <label class="field">
                <span>Type the name of the key</span>
                <input name="name" required autofocus autocomplete="off" placeholder={key.name} />
              </label>
            )}
            <div class="actions">
              <button type="submit" class="danger" autofocus={ending !== 'purge'}>
                {`${verb} key`}
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
