import * as z from 'zod'
import type { KeyRecord } from '../model/key-record.ts'

const instant = z.date().nullable()
const names = z.array(z.string())

/** Every field that the walk relies on. A store is somebody else's code: what it returns is checked once, when it is read. */
const shape = z.object({
  id: z.string(),
  lineage: z.string(),
  digest: z.string(),
  owner: z.string(),
  name: z.string(),
  scopes: names,
  policies: names,
  audiences: names,
  addresses: names,
  metadata: z.record(z.string(), z.unknown()),
  createdAt: z.date(),
  startsAt: instant,
  expiresAt: instant,
  disabledAt: instant,
  revokedAt: instant,
  deletedAt: instant,
  lastUsedAt: instant,
  version: z.int().min(1),
})

/** Says whether a value has the shape of a key record, so that no missing field can pass for a `null`. */
export function isKeyRecord(value: unknown): value is KeyRecord {
  return shape.safeParse(value).success
}
