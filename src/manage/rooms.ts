import type { Keyward } from '../index.ts'
import { alertRoutes } from './alert-routes.ts'
import { auditRoutes } from './audit-routes.ts'
import { creditRoutes } from './credit-routes.ts'
import { docsRoute } from './docs-route.ts'
import { keyActionRoutes } from './key-action-routes.ts'
import { keyLimitRoute } from './key-limit-route.ts'
import { keyRoutes } from './key-routes.ts'
import { ManageRouter } from './manage-router.ts'
import { openapiRoute } from './openapi-route.ts'
import { policyRoutes } from './policy-routes.ts'
import { usageRoutes } from './usage-routes.ts'
import { verifyRoute } from './verify-route.ts'

const ROOMS = [
  keyRoutes,
  keyActionRoutes,
  creditRoutes,
  auditRoutes,
  policyRoutes,
  usageRoutes,
  alertRoutes,
  verifyRoute,
  openapiRoute,
  docsRoute,
  keyLimitRoute,
]

/** Opens a keyward's router with every room of the management API. */
export function openRooms(keyward: Keyward): ManageRouter {
  const router = new ManageRouter(keyward)
  for (const room of ROOMS) room(router)
  return router
}
