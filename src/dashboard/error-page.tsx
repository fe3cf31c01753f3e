import type { DenialCode } from '../index.ts'
import type { Refusal } from './calls.ts'
import { CopyButton } from './figures.tsx'
import { type Page, PageHead, type Place } from './layout.tsx'
import type { Visitor } from './visitor.ts'

/** What went wrong, and where. */
export interface Failure extends Pick<Refusal, 'code' | 'status'> {
  readonly issues?: Refusal['issues']
  readonly place?: Place
  /** Whether the form itself could not be trusted. */
  readonly reason?: 'forged'
  /** Scope that a page needs. */
  readonly scope?: string | undefined
}

interface Words {
  readonly title: string
  readonly happened: string
  readonly advice: string
}

const NOT_CHANGED = 'Nothing was changed.'

/** Says what happened, whether anything changed, and what to do. */
export function errorPage(visitor: Visitor, failure: Failure): Page {
  const { title, happened, advice } = wordsFor(failure)
  const mayHaveChanged = visitor.form.size > 0 && failure.status >= 500
  return {
    status: failure.status,
    title,
    place: failure.place,
    content: (
      <>
        <PageHead title={title} />
        <div class="card prose">
          <p>
            {happened}{' '}
            {mayHaveChanged ? 'Whether the change was made is not known: look before you try again.' : NOT_CHANGED}
          </p>
          <p>{advice}</p>
          <p class="muted">
            Request <code id="request-id">{visitor.requestId}</code>{' '}
            <CopyButton of="request-id" label="Copy request id" />
          </p>
          <p>
            <a class="button" href={visitor.basePath || '/'}>
              Go to the keys
            </a>
          </p>
        </div>
      </>
    ),
  }
}

/** A sentence about a refusal, for a page that goes on. */
export function sentenceFor(refusal: Pick<Refusal, 'code' | 'status' | 'issues'>): string {
  const { happened, advice } = wordsFor(refusal)
  return `${happened} ${NOT_CHANGED} ${advice}`
}

function wordsFor({ code, status, reason, scope, issues = [] }: Failure): Words {
  if (reason === 'forged')
    return {
      title: 'This form cannot be trusted',
      happened: 'The form did not come from a page that was made for you, or you have signed in anew since.',
      advice: 'Open the page again and repeat what you did.',
    }
  if (code === 'validation_failed')
    return {
      title: 'Something in the form is not right',
      happened:
        issues.map(({ path, message }) => `${path.join('.') || 'The input'} ${message}.`).join(' ') ||
        'The input breaks a rule.',
      advice: 'Go back, correct it, and send it again.',
    }
  if (code === 'forbidden' && scope !== undefined)
    return {
      title: 'You do not have access to this page',
      happened: `This page needs the scope ${scope}, and you do not have it.`,
      advice: 'Ask whoever manages access for it.',
    }
  return WORDS[code] ?? (status >= 500 ? WORDS.internal_error : WORDS.bad_request)
}

const WORDS: { readonly [Code in DenialCode]?: Words } & Record<'internal_error' | 'bad_request', Words> = {
  not_found: {
    title: 'There is nothing here',
    happened: 'There is no such page or key, or it is not yours to see.',
    advice: 'It may have been purged. Look for it in the list, or in the audit trail.',
  },
  forbidden: {
    title: 'You may not do that',
    happened: 'Your access does not cover this.',
    advice: 'Ask whoever manages access. A key cannot get scopes that you do not have yourself.',
  },
  conflict: {
    title: 'The key is not in a state for that',
    happened: 'The key has ended or was replaced, so this cannot be done to it any more.',
    advice: 'Look at the key as it is now.',
  },
  precondition_failed: {
    title: 'Somebody was faster',
    happened: 'The key was changed after you opened the form.',
    advice: 'Look at it as it is now, and decide again.',
  },
  method_not_allowed: {
    title: 'This address cannot do that',
    happened: 'The address is there, but not for this.',
    advice: 'Go back to the page before, and use its buttons.',
  },
  unsupported_media_type: {
    title: 'The form could not be read',
    happened: 'What came was not a form of this dashboard.',
    advice: 'Open the page again and repeat what you did.',
  },
  service_unavailable: {
    title: 'The store does not answer',
    happened: 'The database that keeps the keys is away or too slow.',
    advice: 'Keys that are in use go on working. Try again in a moment.',
  },
  internal_error: {
    title: 'Something went wrong on our side',
    happened: 'The server met an error that it did not expect.',
    advice: 'Try again. If it stays, give the request id to whoever runs this server.',
  },
  bad_request: {
    title: 'The request could not be read',
    happened: 'Something in the address or form is not as it should be.',
    advice: 'Go back to the page before, and try again.',
  },
}
