import type { Transaction } from 'kysely'
import type { AccountState, Deposit, DepositOutcome } from '../../model/ledger.ts'
import { depositCredits, describeChange } from '../../model/move-credits.ts'
import { EMPTY_ACCOUNT, lineageOf } from './account-row.ts'
import { appendAudit, lockHeads } from './audit-chains.ts'
import { lockAccount, lockOperation, writeAccount } from './locked-account.ts'
import { encodeMovement } from './movement-row.ts'
import { type Row, textOf } from './row-reader.ts'
import { type SqlDatabase, transact } from './sql-database.ts'
import { checkIndexed } from './stored-text.ts'
import type { Tables } from './tables.ts'

/** Deposits credits, with the audit entry, in one transaction. The head of the audit chain is locked before the account. */
export async function deposit(database: SqlDatabase, deposit: Deposit): Promise<DepositOutcome> {
  const { account, operation, audit } = deposit
  const { dialect } = database
  checkIndexed(account.owner, lineageOf(account), operation ?? '', audit?.owner ?? '')
  return transact(database, async (transaction) => {
    const heads = audit && (await lockHeads(transaction, dialect, new Set([audit.owner])))
    const outcome = await depositLocked(transaction, deposit)
    if (audit && heads && outcome.outcome === 'moved') await appendAudit(transaction, dialect, [audit], heads)
    return outcome
  })
}

async function depositLocked(transaction: Transaction<Tables>, deposit: Deposit): Promise<DepositOutcome> {
  const { account, kind, change, operation, requestId, actor, reason, at } = deposit
  const stored = await lockAccount(transaction, account)
  const state = stored ?? EMPTY_ACCOUNT
  const made = stored && operation !== null ? await lockOperation(transaction, account, operation) : undefined
  if (made !== undefined) return isSame(made, deposit) ? { outcome: 'repeated', state } : { outcome: 'reused' }
  if (!isExpected(state, deposit)) return { outcome: 'superseded' }
  const balance = depositCredits(state.balance, change)
  if (balance === undefined) return { outcome: 'overflow' }
  const sequence = state.sequence + 1
  const { refill } = deposit
  const ruled = refill === undefined ? state : { refill: refill.rule, refillAt: refill.nextAt }
  const after = { ...state, balance, sequence, refill: ruled.refill, refillAt: ruled.refillAt }
  await writeAccount(transaction, account, after, stored !== undefined)
  const movement = encodeMovement(
    account,
    {
      ...{ sequence, kind, amount: balance - state.balance, balance, shortfall: 0 },
      ...{ operation, keyId: null, requestId, actor, reason, at },
    },
    { asked: describeChange(change) },
  )
  await transaction.insertInto('keyward_movements').values(movement).execute()
  return { outcome: 'moved', state: after }
}

function isSame(made: Row, { kind, change }: Deposit): boolean {
  return textOf(made['kind']) === kind && textOf(made['asked']) === describeChange(change)
}

function isExpected(state: AccountState, { expectedSequence, expectedRefillAt }: Deposit): boolean {
  if (expectedSequence !== undefined && expectedSequence !== state.sequence) return false
  return expectedRefillAt === undefined || expectedRefillAt.getTime() === state.refillAt?.getTime()
}
