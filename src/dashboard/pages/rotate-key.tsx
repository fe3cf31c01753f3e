import type { KeyJson, RotatedKeyJson } from '../api-json.ts'
import { errorPage } from '../error-page.tsx'
import { lengthOf } from '../figures.tsx'
import { FormToken, type Page, PageHead } from '../layout.tsx'
import { field } from '../read-form.ts'
import { shownOnce, usedForm } from '../shown-once.tsx'
import type { Visitor } from '../visitor.ts'

const GRACES = [
  [0, 'Now'],
  [3_600, 'In 1 hour'],
  [86_400, 'In 24 hours'],
  [604_800, 'In 7 days'],
] as const

/** Asks when the old key shall end. */
export async function rotatePage(visitor: Visitor, keyId: string): Promise<Page> {
  const found = await visitor.calls.get<KeyJson>(`/keys/${keyId}`)
  if (!found.ok) return errorPage(visitor, { ...found, place: 'keys' })
  return formPage(visitor, found.body, undefined)
}

/** Replaces a key, and shows the new one: once, in this answer alone. */
export async function rotateKey(visitor: Visitor, keyId: string): Promise<Page> {
  const { calls, form, now } = visitor
  const date = field(form, 'grace-date')
  const graceSeconds =
    date === ''
      ? Number(field(form, 'grace') || 0)
      : Math.round((Date.parse(`${date}T23:59:59Z`) - now.getTime()) / 1_000)
  if (!Number.isInteger(graceSeconds) || graceSeconds < 0) {
    const found = await calls.get<KeyJson>(`/keys/${keyId}`)
    if (!found.ok) return errorPage(visitor, { ...found, place: 'keys' })
    return formPage(visitor, found.body, 'The old key can only end now or later. Nothing was changed.')
  }
  if (!(await visitor.takeForm(field(form, 'once')))) return usedForm(visitor)
  const answer = await calls.send<RotatedKeyJson>('POST', `/keys/${keyId}/rotate`, { body: { graceSeconds } })
  if (!answer.ok) return errorPage(visitor, { ...answer, place: 'keys' })
  const { name, fenced } = answer.body
  const ending =
    graceSeconds > 0
      ? `The old key of “${name}” works for another ${lengthOf(graceSeconds)}.`
      : `The old key of “${name}” is revoked. ${fenced ? 'No instance accepts it.' : 'Waiting for the gate.'}`
  return shownOnce(visitor, answer.body, ending)
}

function formPage(visitor: Visitor, key: KeyJson, problem: string | undefined): Page {
  const at = `${visitor.basePath}/${key.id}`
  return {
    status: problem === undefined ? 200 : 422,
    title: 'Rotate key',
    place: 'keys',
    content: (
      <>
        <PageHead title={`Rotate “${key.name}”`} />
        <section class="card prose">
          {problem !== undefined && (
            <p class="notice bad" role="alert">
              {problem}
            </p>
          )}
          <p>
            A new key takes over name, scopes, limits and credits, and is shown to you once. The old key goes on until
            the moment that you choose; then it is refused everywhere.
          </p>
          <form method="post" action={`${at}/rotate`} class="stack">
            <FormToken visitor={visitor} />
            <input type="hidden" name="once" value={visitor.newForm()} />
            <fieldset>
              <legend>The old key ends</legend>
              <div class="checks">
                {GRACES.map(([seconds, label]) => (
                  <label>
                    <input
                      type="radio"
                      name="grace"
                      value={seconds}
                      checked={seconds === 86_400}
                      autofocus={seconds === 86_400}
                    />
                    {label}
                  </label>
                ))}
              </div>
              <label class="field">
                <span>Or at the end of (UTC)</span>
                <input type="date" name="grace-date" />
              </label>
            </fieldset>
            <div class="actions">
              <button type="submit" class="primary">
                Rotate key
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
