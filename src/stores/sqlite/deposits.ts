import type { Deposit, DepositOutcome } from '../../model/ledger.ts'
import { depositCredits, describeChange, isExpected } from '../../model/move-credits.ts'
import { EMPTY_ACCOUNT } from '../sql/account-row.ts'
import { textOf } from '../sql/row-reader.ts'
import { findAccount, findOperation, insertMovement, putAccount } from './account-rows.ts'
import { appendAudit } from './audit-chain.ts'
import type { SqliteConnection } from './connection.ts'

/** Tops up, sets or refills, with the audit entry. Only within a transaction. */
export function makeDeposit(connection: SqliteConnection, deposit: Deposit): DepositOutcome {
  const { account, kind, operation, requestId, actor, reason, at, refill } = deposit
  const state = findAccount(connection, account) ?? EMPTY_ACCOUNT
  const asked = describeChange(deposit.change)
  const known = operation === null ? undefined : findOperation(connection, account, operation)
  if (known !== undefined) {
    const isSame = textOf(known['kind']) === kind && textOf(known['asked']) === asked
    return isSame ? { outcome: 'repeated', state } : { outcome: 'reused' }
  }
  if (!isExpected(state, deposit)) return { outcome: 'superseded' }
  const balance = depositCredits(state.balance, deposit.change)
  if (balance === undefined) return { outcome: 'overflow' }
  const sequence = state.sequence + 1
  const rule = refill === undefined ? {} : { refill: refill.rule, refillAt: refill.nextAt }
  putAccount(connection, account, { ...state, ...rule, balance, sequence })
  const movement = {
    ...{ sequence, kind, amount: balance - state.balance, balance, shortfall: 0 },
    ...{ operation, keyId: null, requestId, actor, reason, at },
  }
  insertMovement(connection, account, movement, { asked })
  if (deposit.audit !== null) appendAudit(connection, deposit.audit)
  return { outcome: 'moved', state: { ...state, ...rule, balance, sequence } }
}
