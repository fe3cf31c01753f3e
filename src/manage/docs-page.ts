import { html, raw } from 'hono/html'
import { DOCS_STYLE } from './docs-style.ts'
import { type Field, fieldsOf, type Schema, type Schemas, sampleOf, typeOf } from './read-schema.ts'

/** The part of an OpenAPI 3.1 document that the page shows. */
export interface ApiDocument {
  readonly info: { readonly title: string; readonly description?: string }
  readonly servers: readonly { readonly url: string }[]
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
  readonly components?: { readonly schemas?: Schemas }
}

interface Operation {
  readonly summary?: string
  readonly description?: string
  readonly parameters?: readonly {
    readonly name: string
    readonly in: string
    readonly required?: boolean
    readonly description?: string
    readonly schema?: Schema
  }[]
  readonly requestBody?: { readonly content?: Content }
  readonly responses?: Readonly<Record<string, { readonly description?: string; readonly content?: Content }>>
}

type Content = Readonly<Record<string, { readonly schema?: Schema }>>

interface Route {
  readonly method: string
  readonly path: string
  readonly operation: Operation
}

/** Writes the page that shows a document: no script, nothing from elsewhere, and every text of the document escaped. */
export function writeDocsPage(document: ApiDocument): string {
  const { info, paths, components } = document
  const schemas = components?.schemas ?? {}
  const base = document.servers[0]?.url.replace(/\/$/, '') ?? ''
  const groups = groupRoutes(paths)
  return String(html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${info.title}</title>
<style>${raw(DOCS_STYLE)}</style>
</head>
<body>
<div class="frame">
<header><h1>${info.title}</h1>
<p>${marked(info.description ?? '')}</p>
<p class="quiet">The same as <a href="${base}/openapi.json">OpenAPI 3.1</a>. In the samples, <code>$URL</code> is where this is served, and
<code>$ADMIN_TOKEN</code> whatever the host takes for one.</p></header>
<nav aria-label="Groups"><ul>${groups.map(([name]) => html`<li><a href="#${slug(name)}">${name}</a></li>`)}</ul></nav>
<main>${groups.map(
    ([name, routes]) => html`<section aria-labelledby="${slug(name)}"><h2 id="${slug(name)}">${name}</h2>
${routes.map((route) => writeRoute(route, base, schemas))}</section>`,
  )}</main>
</div>
</body>
</html>
`)
}

function writeRoute({ method, path, operation }: Route, base: string, schemas: Schemas) {
  const { summary = '', description = '', parameters = [], requestBody, responses = {} } = operation
  const body = requestBody?.content?.['application/json']?.schema
  const fields = parameters.map((parameter) => ({
    name: parameter.name,
    type: `${typeOf(parameter.schema ?? {}, schemas)}, in ${parameter.in}`,
    isRequired: parameter.required === true,
    description: parameter.description ?? '',
  }))
  return html`<details id="${slug(`${method} ${path}`)}">
<summary><span class="method ${method}">${method.toUpperCase()}</span> <span class="path">${path}</span> <span class="says">${marked(summary)}</span></summary>
<div class="inside"><p>${marked(description)}</p>
${writeFields('Parameters', fields)}${body === undefined ? '' : writeFields('Body', fieldsOf(body, schemas))}
${Object.entries(responses).map(([status, { description: says = '', content = {} }]) => {
  const [[mediaType, { schema = {} }] = ['', {}]] = Object.entries(content)
  const title = status === 'default' ? 'Otherwise' : `Answer ${status}${mediaType === '' ? '' : `, ${mediaType}`}`
  return status === 'default'
    ? html`<h3>${title}</h3><p>${marked(says)}</p>`
    : writeFields(title, fieldsOf(schema, schemas))
})}
<h3>Try it</h3>
<pre tabindex="0"><code>${writeCurl(method, base + path, body === undefined ? undefined : sampleOf(body, schemas))}</code></pre></div>
</details>
`
}

function writeFields(title: string, fields: readonly Field[]) {
  if (fields.length === 0) return title.startsWith('Answer') ? html`<h3>${title}</h3>` : ''
  return html`<h3>${title}</h3><div class="wide"><table><thead><tr><th scope="col">Name</th><th scope="col">Type</th><th scope="col">Meaning</th></tr></thead>
<tbody>${fields.map(
    ({ name, type, isRequired, description }) =>
      html`<tr><td><code>${name}</code>${
        isRequired && !title.startsWith('Answer') ? html` <span class="quiet">required</span>` : ''
      }</td><td>${type}</td><td>${marked(description)}</td></tr>`,
  )}</tbody></table></div>`
}

/** Parameters of a path are in capitals: they are to be replaced. */
function writeCurl(method: string, path: string, body: unknown): string {
  const address = path.replaceAll(/\{(\w+)\}/g, (_, name: string) => name.toUpperCase())
  const lines = [
    `curl${method === 'get' ? '' : ` -X ${method.toUpperCase()}`} "$URL${address}"`,
    `-H "Authorization: Bearer $ADMIN_TOKEN"`,
    ...(body === undefined
      ? []
      : [`-H 'Content-Type: application/json'`, `-d '${JSON.stringify(body).replaceAll("'", "'\\''")}'`]),
  ]
  return lines.join(' \\\n  ')
}

/** Shows what stands in backticks as code. */
function marked(text: string) {
  return text.split('`').map((part, at) => (at % 2 === 1 ? html`<code>${part}</code>` : part))
}

/** Routes by what they are about, in the order of the document. */
function groupRoutes(paths: ApiDocument['paths']): readonly (readonly [string, readonly Route[]])[] {
  const groups = new Map<string, Route[]>()
  for (const [path, methods] of Object.entries(paths))
    for (const [method, operation] of Object.entries(methods)) {
      const name = groupOf(path)
      groups.set(name, [...(groups.get(name) ?? []), { method, path, operation }])
    }
  return [...groups]
}

function groupOf(path: string): string {
  const [first = ''] = path.split('/').filter((segment) => segment !== '')
  const subject = path.includes('/credits') ? 'credits' : first
  if (path === '/docs' || path === '/openapi.json') return 'This description'
  return subject.charAt(0).toUpperCase() + subject.slice(1)
}

function slug(text: string): string {
  return text
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^-|-$/g, '')
}
