import type { CreatedKeyJson } from './api-json.ts'
import { CopyButton } from './figures.tsx'
import { type Page, PageHead } from './layout.tsx'
import { curlOf, javaScriptOf, ORIGIN_PLACEHOLDER } from './sample-request.ts'
import type { Visitor } from './visitor.ts'

/** Shows a new API key, the only time: in the answer to the form that made it, which no cache and no history keeps. */
export function shownOnce(visitor: Visitor, key: CreatedKeyJson, sentence: string): Page {
  const { basePath, sample } = visitor
  const samples = [
    { id: 'curl', name: 'curl', text: curlOf(sample, key.apiKey) },
    { id: 'javascript', name: 'JavaScript', text: javaScriptOf(sample, key.apiKey) },
  ]
  return {
    status: 201,
    title: 'Your new key',
    place: 'keys',
    address: `/${key.id}`,
    content: (
      <>
        <PageHead title="Your new key" note={sentence} />
        <section class="card secret">
          <header>
            <h2 id="api-key-title">API key</h2>
            <CopyButton of="api-key" />
          </header>
          <output id="api-key" data-secret aria-labelledby="api-key-title" translate="no">
            {key.apiKey}
          </output>
          <p class="notice warn">You will not see this key again. Store it now, where your secrets live.</p>
          {samples.map(({ id, name, text }) => (
            <>
              <header>
                <h2>{name}</h2>
                <CopyButton of={id} />
              </header>
              <pre id={id} data-origin={ORIGIN_PLACEHOLDER} translate="no" tabindex={0}>
                {text}
              </pre>
            </>
          ))}
        </section>
        <p>
          <a class="button primary" href={`${basePath}/${key.id}`} data-stored>
            I have stored it
          </a>
        </p>
      </>
    ),
  }
}

/** What a form that shows a key answers the second time, after a reload say: nothing is made, and nothing shown again. */
export function usedForm({ basePath }: Visitor): Page {
  return {
    status: 409,
    title: 'This form was sent before',
    place: 'keys',
    content: (
      <>
        <PageHead title="This form was sent before" />
        <section class="card prose">
          <p>
            The key was made the first time and shown once; nothing was changed now. If you did not store it, rotate it
            in the list, or revoke it and create another.
          </p>
          <p>
            <a class="button" href={basePath || '/'}>
              Go to the keys
            </a>
          </p>
        </section>
      </>
    ),
  }
}
