import { onExpress } from './express-server.ts'
import { onFastify } from './fastify-server.ts'
import { onFetch } from './fetch-server.ts'
import type { Framework } from './framework.ts'
import { onHono, onHonoOnNode } from './hono-server.ts'

/** Every framework that there is an adapter for. */
export const frameworks: readonly Framework[] = [onExpress, onFastify, onHonoOnNode, onHono, onFetch]
