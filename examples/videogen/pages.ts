import { readdirSync, readFileSync } from 'node:fs'

/** A page of VideoGen's documentation, in Markdown. */
export interface Page {
  /** Name below `/docs/`. */
  readonly file: string
  readonly title: string
  /** Its first paragraph. */
  readonly summary: string
  /** Writes the page. @param publicUrl - What addresses in it begin with. */
  write(publicUrl: string): string
}

const NAME = 'VideoGen'
const SUMMARY =
  'VideoGen makes images and videos from text. It is an HTTP API: JSON in, JSON out, with an API key in every request.'
const NOTES = [
  '- Every request has `Authorization: Bearer <key>`. A key begins with `vg_key_`; keep it in the environment variable `VIDEOGEN_API_KEY`, never in source code.',
  '- Every error is `{"message": "…"}`; a missing or bad key is 401 `{"message":"Unauthorized"}`.',
]

/** Reads the pages from `docs/`, in order of their names. */
export function readPages(): readonly Page[] {
  const folder = new URL('docs/', import.meta.url)
  return readdirSync(folder)
    .filter((file) => file.endsWith('.md'))
    .sort()
    .map((file) => readPage(file.replace(/^\d+-/, ''), readFileSync(new URL(file, folder), 'utf8')))
}

/** Writes `/llms.txt` (llmstxt.org): a title, a summary, what to know, and what there is to read. */
export function writeIndex(pages: readonly Page[], publicUrl: string): string {
  const links = pages.map(({ file, title, summary }) => `- [${title}](${publicUrl}/docs/${file}): ${summary}`)
  const optional = `- [All of it](${publicUrl}/llms-full.txt): Every page in one file.`
  return [`# ${NAME}`, `> ${SUMMARY}`, NOTES.join('\n'), '## Docs', links.join('\n'), '## Optional', optional, ''].join(
    '\n\n',
  )
}

/** Writes `/llms-full.txt`: every page, one below the other. */
export function writeFull(pages: readonly Page[], publicUrl: string): string {
  const texts = pages.map((page) => `Source: ${publicUrl}/docs/${page.file}\n\n${deeper(page.write(publicUrl))}`)
  return [`# ${NAME}`, `> ${SUMMARY}`, NOTES.join('\n'), ...texts].join('\n\n')
}

function readPage(file: string, text: string): Page {
  const [title = '', summary = ''] = text.split('\n\n')
  return {
    file,
    title: title.replace(/^# /, ''),
    summary: summary.replaceAll('\n', ' '),
    write: (publicUrl) => text.replaceAll('{{url}}', publicUrl),
  }
}

/** Puts headings a level down: the file has a title of its own. A `#` in a sample is no heading. */
function deeper(markdown: string): string {
  const parts = markdown.split(/^(```[\s\S]*?^```)/m)
  return parts.map((part, at) => (at % 2 === 0 ? part.replaceAll(/^#/gm, '##') : part)).join('')
}
