import { queryText } from './calls.ts'
import type { Visitor } from './visitor.ts'

/** Leads on to the next page of a list, and back to its first. */
export function Pager({ visitor, nextCursor }: { readonly visitor: Visitor; readonly nextCursor: string | null }) {
  const { query, basePath, path } = visitor
  const isLater = query.has('cursor')
  if (nextCursor === null && !isLater) return null
  const linkTo = (cursor: string | null) =>
    `${basePath}${path}${queryText({ ...Object.fromEntries(query), cursor })}` || '/'
  return (
    <nav class="pages" aria-label="Pages">
      {isLater ? (
        <a class="button" href={linkTo(null)}>
          First page
        </a>
      ) : (
        <span />
      )}
      {nextCursor !== null && (
        <a class="button" href={linkTo(nextCursor)} rel="next">
          Next page
        </a>
      )}
    </nav>
  )
}
