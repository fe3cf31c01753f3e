import type { ClaimStore } from '../model/claim-store.ts'
import type { Ledger } from '../model/ledger.ts'

/** How the calls of a store are guarded: with its health, and with a deadline that fits. */
export interface StoreGuard {
  read<T>(work: () => Promise<T>): Promise<T>
  /** A write that a request waits for before its handler runs. One that was too late may have been made. */
  take<T>(work: () => Promise<T>): Promise<T>
  /** A write that must not be given up early. @param changes - How many changes it makes; default 1. */
  write<T>(work: () => Promise<T>, changes?: number): Promise<T>
}

/** Guards a ledger as the store that it is part of. */
export function guardLedger(ledger: Ledger, { read, take, write }: StoreGuard): Ledger {
  return {
    findAccount: (account) => read(async () => ledger.findAccount(account)),
    reserve: (debit) => take(async () => ledger.reserve(debit)),
    close: (closing) => write(async () => ledger.close(closing)),
    renew: (account, operation, token, leaseUntil) =>
      write(async () => ledger.renew(account, operation, token, leaseUntil)),
    closeLapsed: (at, limit) => write(async () => ledger.closeLapsed(at, limit), limit),
    deposit: (deposit) => write(async () => ledger.deposit(deposit)),
    listMovements: (account, beforeSequence, limit) =>
      read(async () => ledger.listMovements(account, beforeSequence, limit)),
  }
}

/** Guards idempotency records as the store that they are part of. */
export function guardClaims(claims: ClaimStore, { read, take, write }: StoreGuard): ClaimStore {
  return {
    claim: (request) => take(async () => claims.claim(request)),
    renew: (id, token, leaseUntil, expiresAt) => write(async () => claims.renew(id, token, leaseUntil, expiresAt)),
    complete: (completion, closing) => write(async () => claims.complete(completion, closing)),
    release: (id, token, closing) => write(async () => claims.release(id, token, closing)),
    countLive: (owner, at, atMost) => read(async () => claims.countLive(owner, at, atMost)),
    removeExpired: (at, limit) => write(async () => claims.removeExpired(at, limit), limit),
  }
}
