import type { Reservation } from './credits/spending.ts'
import type { Claim } from './idempotency/claims.ts'

/** How long leases are prolonged for a handler whose client has gone. */
const ABANDONED_MS = 600_000

/** What keeps the leases of a request from ending while its handler runs. */
export interface Renewal {
  /** Gives a handler whose client has gone ten more minutes. */
  endLater(): void
  stop(): void
}

/**
 * Prolongs the leases of a claim and of a reservation together, three times in the shorter one. Keeps no process alive.
 *
 * @returns `undefined` where neither has a lease.
 */
export function startRenewal({
  claim,
  reservation,
}: {
  readonly claim: Claim | undefined
  readonly reservation: Reservation | undefined
}): Renewal | undefined {
  const leaseMs = Math.min(
    claim?.leaseMs ?? Number.POSITIVE_INFINITY,
    reservation?.rule.leaseMs ?? Number.POSITIVE_INFINITY,
  )
  if (leaseMs === Number.POSITIVE_INFINITY) return undefined
  let left: number | undefined
  const timer = setInterval(() => {
    if (left !== undefined) left -= 1
    if (left === 0) clearInterval(timer)
    // A renewal that fails is made up for by the next one; three in a row end the lease, and another attempt may begin.
    claim?.renew().catch(() => {})
    reservation?.renew().catch(() => {})
  }, leaseMs / 3)
  Object(timer).unref?.()
  return {
    endLater() {
      left ??= Math.ceil((3 * ABANDONED_MS) / leaseMs)
    },
    stop: () => clearInterval(timer),
  }
}
