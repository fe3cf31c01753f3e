import type { Child } from 'hono/jsx'
import type { Assets } from './assets.ts'
import { may, type Visitor } from './visitor.ts'

/** What a page shows below the frame that all share. */
export interface Page {
  /** HTTP status: 200 to 599. */
  readonly status: number
  readonly title: string
  /** Which place of the sidebar it belongs to. */
  readonly place: Place | undefined
  readonly content: Child
  /** Path below the mount that the address bar shows in place of a form's; reloading then repeats nothing. */
  readonly address?: string
}

/** The places of the sidebar. */
export type Place = 'keys' | 'usage' | 'apps' | 'audit' | 'alerts'

/** Writes a whole page. */
export function renderPage(page: Page, visitor: Visitor, assets: Assets): string {
  return `<!doctype html>${(
    <Document
      assets={assets}
      basePath={visitor.basePath}
      theme={visitor.theme}
      title={page.title}
      address={page.address}
    >
      <a class="skip" href="#main">
        Skip to content
      </a>
      <div class="frame">
        <Sidebar visitor={visitor} place={page.place} />
        <main id="main" tabindex={-1}>
          {page.content}
        </main>
      </div>
    </Document>
  )}`
}

/** The outermost elements of every page, the one for signing in among them. */
export function Document(props: {
  readonly assets: Assets
  readonly basePath: string
  readonly theme: string
  readonly title: string
  readonly address?: string | undefined
  readonly children?: Child
}) {
  const { assets, basePath, theme, title, address, children } = props
  return (
    <html lang="en" data-theme={theme}>
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content={theme === 'auto' ? 'light dark' : theme} />
        <meta name="robots" content="noindex" />
        <title>{`${title} · keyward`}</title>
        <link rel="icon" href={`${basePath}/assets/${assets.icon.name}`} />
        <link rel="stylesheet" href={`${basePath}/assets/${assets.style.name}`} />
        <script src={`${basePath}/assets/${assets.script.name}`} defer></script>
      </head>
      <body data-address={address === undefined ? undefined : basePath + address || '/'}>{children}</body>
    </html>
  )
}

const PLACES = [
  { place: 'keys', path: '', label: 'Keys', scope: 'keyward:keys:read' },
  { place: 'usage', path: '/usage', label: 'Usage', scope: 'keyward:usage:read' },
  { place: 'apps', path: '/apps', label: 'Apps', scope: 'keyward:usage:read' },
  { place: 'audit', path: '/audit', label: 'Audit', scope: 'keyward:audit:read' },
  { place: 'alerts', path: '/alerts', label: 'Alerts', scope: 'keyward:alerts:read' },
] as const

function Sidebar({ visitor, place }: { readonly visitor: Visitor; readonly place: Place | undefined }) {
  const { basePath, actor } = visitor
  return (
    <header class="sidebar">
      <a class="brand" href={basePath || '/'}>
        <Mark />
        keyward
      </a>
      <nav aria-label="Places">
        {PLACES.filter(({ scope }) => may(visitor, scope)).map((each) => (
          <a href={basePath + each.path || '/'} aria-current={each.place === place ? 'page' : undefined}>
            {each.label}
          </a>
        ))}
      </nav>
      <div class="who">
        <ThemeSwitch visitor={visitor} />
        <p class="muted">
          <strong>{actor.id}</strong>
          <br />
          {actor.owner ?? 'every owner'}
        </p>
        {visitor.maySignOut && (
          <form method="post" action={`${basePath}/sign-out`}>
            <FormToken visitor={visitor} />
            <button class="quiet" type="submit">
              Sign out
            </button>
          </form>
        )}
      </div>
    </header>
  )
}

function ThemeSwitch({ visitor }: { readonly visitor: Visitor }) {
  return (
    <form method="post" action={`${visitor.basePath}/theme`} class="themes">
      <FormToken visitor={visitor} />
      <input type="hidden" name="back" value={backOf(visitor)} />
      {(['auto', 'light', 'dark'] as const).map((theme) => (
        <button
          type="submit"
          name="theme"
          value={theme}
          aria-pressed={visitor.theme === theme ? 'true' : 'false'}
          title={theme === 'auto' ? 'Colours as the device has them' : `Always ${theme} colours`}
        >
          {theme === 'auto' ? 'Auto' : theme === 'light' ? 'Light' : 'Dark'}
        </button>
      ))}
    </form>
  )
}

function backOf({ path, query }: Visitor): string {
  const text = query.toString()
  return path + (text === '' ? '' : `?${text}`)
}

/** The secret that every form carries: another site's page does not know it. */
export function FormToken({ visitor }: { readonly visitor: Visitor }) {
  return <input type="hidden" name="token" value={visitor.formToken} />
}

/** Head of a page: what it is, and what can be done. */
export function PageHead(props: { readonly title: Child; readonly note?: Child; readonly children?: Child }) {
  return (
    <div class="page-head">
      <div>
        <h1>{props.title}</h1>
        {props.note !== undefined && <p class="muted">{props.note}</p>}
      </div>
      {props.children !== undefined && <div class="actions">{props.children}</div>}
    </div>
  )
}

/** The mark of the house: a key's bow. */
export function Mark() {
  return (
    <svg class="mark" viewBox="0 0 24 24" width="22" height="22" aria-hidden="true">
      <rect width="24" height="24" rx="6" class="mark-ground" />
      <circle cx="9" cy="12" r="3.5" class="mark-line" />
      <path d="M12.5 12H20M17 12v3" class="mark-line" />
    </svg>
  )
}
