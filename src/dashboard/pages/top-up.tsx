import type { CreditsJson, KeyJson } from '../api-json.ts'
import { errorPage } from '../error-page.tsx'
import { grouped } from '../figures.tsx'
import { FormToken, type Page, PageHead } from '../layout.tsx'
import { field } from '../read-form.ts'
import type { Visitor } from '../visitor.ts'
import { showKey } from './key.tsx'

/** Asks how many credits to add. */
export async function topUpPage(visitor: Visitor, keyId: string): Promise<Page> {
  return formPage(visitor, keyId, undefined)
}

/** Adds credits, once for each form: sending it again adds nothing. */
export async function topUp(visitor: Visitor, keyId: string): Promise<Page> {
  const { calls, form } = visitor
  const amount = Number(field(form, 'amount').replaceAll(/[\s,']/g, ''))
  const reason = field(form, 'reason')
  if (!Number.isSafeInteger(amount) || amount < 1)
    return formPage(visitor, keyId, 'The amount must be a whole number of at least 1. Nothing was changed.')
  const body = { amount, operationId: field(form, 'once'), ...(reason !== '' && { reason }) }
  const answer = await calls.send<CreditsJson>('POST', `/keys/${keyId}/credits/top-ups`, { body })
  if (!answer.ok) return errorPage(visitor, { ...answer, place: 'keys' })
  return showKey(
    visitor,
    keyId,
    <p class="notice good" role="status">
      {`Topped up. The balance is ${grouped(answer.body.balance)}.`}
    </p>,
  )
}

async function formPage(visitor: Visitor, keyId: string, problem: string | undefined): Promise<Page> {
  const found = await visitor.calls.get<KeyJson>(`/keys/${keyId}`)
  if (!found.ok) return errorPage(visitor, { ...found, place: 'keys' })
  const at = `${visitor.basePath}/${keyId}`
  return {
    status: problem === undefined ? 200 : 422,
    title: 'Top up',
    place: 'keys',
    content: (
      <>
        <PageHead title={`Top up “${found.body.name}”`} />
        <section class="card prose">
          {problem !== undefined && (
            <p class="notice bad" role="alert">
              {problem}
            </p>
          )}
          <form method="post" action={`${at}/top-up`} class="stack">
            <FormToken visitor={visitor} />
            <input type="hidden" name="once" value={visitor.newForm()} />
            <label class="field">
              <span>Credits to add</span>
              <input
                name="amount"
                inputmode="numeric"
                required
                autofocus
                autocomplete="off"
                value={field(visitor.form, 'amount')}
              />
            </label>
            <label class="field">
              <span>Reason</span>
              <input name="reason" maxlength={256} autocomplete="off" value={field(visitor.form, 'reason')} />
              <small>For whoever reads the audit trail.</small>
            </label>
            <div class="actions">
              <button type="submit" class="primary">
                Top up
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
