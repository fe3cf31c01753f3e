import { sql } from 'kysely'

/** Columns of an idempotency record that a later attempt overwrites; `attempt` counts on. */
const CLAIMED = ['owner', 'fingerprint', 'state', 'token', 'request_id', 'at', 'lease_until', 'expires_at', 'answer']

/** End of the INSERT of an idempotency record: see `SqlDialect.takeOverClaim`. */
export const takeOverClaim = sql`
  on conflict (id) do update set
  attempt = case when keyward_claims.expires_at <= excluded.at then 1 else keyward_claims.attempt + 1 end,
  ${sql.join(CLAIMED.map((column) => sql`${sql.id(column)} = excluded.${sql.id(column)}`))}
  where keyward_claims.expires_at <= excluded.at
  or (
    keyward_claims.state = 'open' and keyward_claims.fingerprint = excluded.fingerprint
    and keyward_claims.lease_until <= excluded.at
  )
  returning attempt`

/**
 * Takes credits in one trip: see `SqlDialect.reserveAtOnce`. The account's row is locked by its UPDATE, which judges the
 * balance that it finds once it has the lock; so as many pass as the balance allows. A second debit of an operation breaks
 * the unique key, which undoes the whole.
 */
export const reserveAtOnce = `
  WITH account AS (
    UPDATE keyward_accounts
    SET balance = balance - $3::bigint, reserved = reserved + $4::bigint, sequence = sequence + 1
    WHERE owner = $1::text AND lineage = $2::text AND balance >= $3::bigint
    AND (refill_at IS NULL OR refill_at > $5::bigint)
    RETURNING balance, sequence
  )
  INSERT INTO keyward_movements (
    owner, lineage, sequence, kind, amount, balance, shortfall, at,
    operation, key_id, request_id, state, token, taken, lease_until, after_lease)
  SELECT
    $1::text, $2::text, sequence, 'debit', -$3::bigint, balance, 0, $5::bigint,
    $6::text, $7::text, $8::text, $9::text, $10::text, $3::bigint, $11::bigint, $12::text
  FROM account
  RETURNING balance`
