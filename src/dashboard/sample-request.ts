/** A request of the host's API, which a new key is shown with, ready to be pasted. */
export interface SampleRequest {
  /** Default: the address that the dashboard is reached at. */
  readonly baseUrl?: string | undefined
  /** Default `GET`, or `POST` where there is a body. */
  readonly method?: string | undefined
  /** Path and query. Default `/`. */
  readonly path?: string | undefined
  /** Is sent as JSON. */
  readonly body?: unknown
}

/** Stands for the address in front of the path; the page's script puts its own there. */
export const ORIGIN_PLACEHOLDER = 'https://your-api.example'

/** Writes the request for a shell. */
export function curlOf(
  { baseUrl = ORIGIN_PLACEHOLDER, method, path = '/', body }: SampleRequest,
  apiKey: string,
): string {
  const parts = [
    `curl ${quoted(baseUrl + path)}`,
    ...(method !== undefined && body === undefined && method !== 'GET' ? [`-X ${quoted(method)}`] : []),
    ...(method !== undefined && body !== undefined && method !== 'POST' ? [`-X ${quoted(method)}`] : []),
    `-H ${quoted(`Authorization: Bearer ${apiKey}`)}`,
    ...(body === undefined ? [] : [`-H 'Content-Type: application/json'`, `-d ${quoted(JSON.stringify(body))}`]),
  ]
  return parts.join(' \\\n  ')
}

/** Writes the request for JavaScript: Node.js 20 and browsers alike. */
export function javaScriptOf(
  { baseUrl = ORIGIN_PLACEHOLDER, method, path = '/', body }: SampleRequest,
  apiKey: string,
): string {
  const verb = method ?? (body === undefined ? undefined : 'POST')
  const lines = [
    `const response = await fetch(${JSON.stringify(baseUrl + path)}, {`,
    ...(verb === undefined || verb === 'GET' ? [] : [`  method: ${JSON.stringify(verb)},`]),
    body === undefined
      ? `  headers: { Authorization: ${JSON.stringify(`Bearer ${apiKey}`)} },`
      : `  headers: { Authorization: ${JSON.stringify(`Bearer ${apiKey}`)}, 'Content-Type': 'application/json' },`,
    ...(body === undefined ? [] : [`  body: JSON.stringify(${JSON.stringify(body)}),`]),
    '})',
    'console.log(response.status, await response.json())',
  ]
  return lines.join('\n')
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`
}
