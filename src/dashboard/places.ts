import type { Page } from './layout.tsx'
import { acknowledge, alertsPage, snooze } from './pages/alerts.tsx'
import { appsPage } from './pages/apps.tsx'
import { auditPage, exportAudit, verifyAudit } from './pages/audit.tsx'
import { createKey, newKeyPage } from './pages/create-key.tsx'
import { editKey, editPage } from './pages/edit-key.tsx'
import { endKey, endPage, toggleKey } from './pages/end-key.tsx'
import { keyPage } from './pages/key.tsx'
import { keysPage } from './pages/keys.tsx'
import { rotateKey, rotatePage } from './pages/rotate-key.tsx'
import { topUp, topUpPage } from './pages/top-up.tsx'
import { usagePage } from './pages/usage.tsx'
import type { Visitor } from './visitor.ts'

/** Answers at a path: with a page, or with something that is none, such as a file. */
export type Handle = (visitor: Visitor, parameter: string) => Promise<Page | Response>

interface Route {
  readonly get?: Handle
  readonly post?: Handle
}

const KEY = '(key_[0-9A-HJKMNP-TV-Z]{26})'

const ROUTES: readonly (readonly [path: string, route: Route])[] = [
  ['', { get: keysPage }],
  ['/new', { get: newKeyPage, post: createKey }],
  [`/${KEY}`, { get: keyPage }],
  [`/${KEY}/edit`, { get: editPage, post: editKey }],
  [`/${KEY}/rotate`, { get: rotatePage, post: rotateKey }],
  [`/${KEY}/revoke`, { get: endPage('revoke'), post: endKey('revoke') }],
  [`/${KEY}/delete`, { get: endPage('delete'), post: endKey('delete') }],
  [`/${KEY}/purge`, { get: endPage('purge'), post: endKey('purge') }],
  [`/${KEY}/disable`, { get: endPage('disable'), post: endKey('disable') }],
  [`/${KEY}/enable`, { post: toggleKey }],
  [`/${KEY}/top-up`, { get: topUpPage, post: topUp }],
  ['/usage', { get: usagePage }],
  ['/apps', { get: appsPage }],
  ['/audit', { get: auditPage }],
  ['/audit/export', { get: exportAudit }],
  ['/audit/verify', { get: verifyAudit }],
  ['/alerts', { get: alertsPage }],
  ['/alerts/(alert_[0-9A-HJKMNP-TV-Z]{26})/acknowledge', { post: acknowledge }],
  ['/alerts/(alert_[0-9A-HJKMNP-TV-Z]{26})/snooze', { post: snooze }],
]

const PLACES = ROUTES.map(([path, route]) => ({ pattern: new RegExp(`^${path}$`), route }))

/** Finds what answers at a path below the mount. */
export function routeOf(path: string): (Route & { readonly parameter: string }) | undefined {
  for (const { pattern, route } of PLACES) {
    const match = pattern.exec(path)
    if (match !== null) return { ...route, parameter: match[1] ?? '' }
  }
  return undefined
}
