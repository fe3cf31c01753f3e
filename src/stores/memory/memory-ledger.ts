import type { AuditDraft } from '../../model/audit-entry.ts'
import { StoreUnavailableError } from '../../model/errors.ts'
import type {
  Account,
  AccountState,
  Closing,
  ClosingOutcome,
  Debit,
  DebitOutcome,
  Deposit,
  DepositOutcome,
  Ledger,
  Movement,
} from '../../model/ledger.ts'
import { closeDebit, depositCredits, describeChange, isExpected } from '../../model/move-credits.ts'

/** What else happens in the same step. */
export interface LedgerNeighbours {
  appendAudit(draft: AuditDraft): void
  /** Voids the token of the claim whose debit has lapsed. */
  voidClaim(operation: string): void
}

/** A debit, under its operation. Its lease counts only while it is open. */
interface Reservation extends Pick<Debit, 'account' | 'leaseUntil' | 'afterLease' | 'keyId' | 'requestId'> {
  state: 'open' | 'settled' | 'refunded'
  token: string | null
  taken: number
}

/** The parts of a movement that its account does not tell. */
type MovementFacts = Omit<Movement, 'sequence' | 'balance' | 'shortfall' | 'operation' | 'actor' | 'reason'> &
  Partial<Movement>

interface Book {
  state: AccountState
  readonly movements: Movement[]
  readonly debits: Map<string, Reservation>
  /** What each operation of a deposit asked for. */
  readonly deposits: Map<string, string>
}

/** Balances and movements in this process's memory. Everything happens at once, so that each method is one step. */
export class MemoryLedger implements Ledger {
  readonly #neighbours: LedgerNeighbours
  readonly #books = new Map<string, Book>()
  readonly #open = new Map<Reservation, string>()

  constructor(neighbours: LedgerNeighbours) {
    this.#neighbours = neighbours
  }

  async findAccount(account: Account): Promise<AccountState | undefined> {
    return structuredClone(this.#books.get(nameOf(account))?.state)
  }

  async reserve(debit: Debit): Promise<DebitOutcome> {
    const book = this.#books.get(nameOf(debit.account)) ?? newBook()
    const { balance, refillAt } = book.state
    const known = book.debits.get(debit.operation)
    if (book.deposits.has(debit.operation))
      throw new StoreUnavailableError('The operation of a debit is that of a deposit.')
    if (known !== undefined && known.state !== 'refunded' && !debit.isFirst) return this.#resume(book, known, debit)
    if (refillAt !== null && refillAt <= debit.at) return { outcome: 'refill_due', state: structuredClone(book.state) }
    if (balance < debit.amount) return { outcome: 'insufficient', balance }
    const { account, operation, keyId, requestId, at } = debit
    this.#books.set(nameOf(account), book)
    const movement = { kind: 'debit', amount: 0 - debit.amount, keyId, requestId, at } as const
    move(book, known === undefined ? { ...movement, operation } : movement)
    const reservation = known ?? { ...structuredClone(debit), state: 'refunded', taken: 0 }
    book.debits.set(operation, reservation)
    this.#put(book, operation, reservation, { ...lease(debit), taken: debit.amount })
    return { outcome: 'reserved', balance: book.state.balance }
  }

  async close(closing: Closing): Promise<ClosingOutcome> {
    return this.closeNow(closing)
  }

  /** Closes a debit, for a claim that ends in the same step. */
  closeNow(closing: Closing): ClosingOutcome {
    const book = this.#books.get(nameOf(closing.account))
    const reservation = book?.debits.get(closing.operation)
    if (book === undefined || reservation === undefined || reservation.token !== closing.token)
      return { outcome: 'refused' }
    return this.#close(book, reservation, closing)
  }

  async renew(account: Account, operation: string, token: string, leaseUntil: Date): Promise<boolean> {
    const reservation = this.#books.get(nameOf(account))?.debits.get(operation)
    if (reservation?.state !== 'open' || reservation.token !== token) return false
    Object.assign(reservation, { leaseUntil: new Date(leaseUntil) })
    return true
  }

  async closeLapsed(at: Date, limit: number): Promise<number> {
    const lapsed = Array.from(this.#open).filter(([{ leaseUntil }]) => leaseUntil !== null && leaseUntil <= at)
    const closed = lapsed.slice(0, limit)
    for (const [reservation, operation] of closed) {
      const { account, afterLease, taken, requestId } = reservation
      const book = this.#books.get(nameOf(account))
      if (book === undefined) continue
      const to = afterLease === 'charge' ? 'settled' : 'refunded'
      const amount = afterLease === 'charge' ? taken : 0
      this.#close(book, reservation, { account, operation, to, amount, overshoot: 'cap', requestId, at })
      reservation.token = null
      this.#neighbours.voidClaim(operation)
    }
    return closed.length
  }

  async deposit(deposit: Deposit): Promise<DepositOutcome> {
    const { account, kind, operation, requestId, actor, reason, at } = deposit
    const book = this.#books.get(nameOf(account)) ?? newBook()
    const asked = `${kind} ${describeChange(deposit.change)}`
    const known = operation === null ? undefined : (book.deposits.get(operation) ?? book.debits.get(operation))
    if (known !== undefined)
      return known === asked ? { outcome: 'repeated', state: structuredClone(book.state) } : { outcome: 'reused' }
    if (!isExpected(book.state, deposit)) return { outcome: 'superseded' }
    const balance = depositCredits(book.state.balance, deposit.change)
    if (balance === undefined) return { outcome: 'overflow' }
    this.#books.set(nameOf(account), book)
    const amount = balance - book.state.balance
    move(book, { kind, amount, keyId: null, requestId, actor, reason, operation, at })
    if (operation !== null) book.deposits.set(operation, asked)
    if (deposit.refill !== undefined) {
      const { rule, nextAt } = structuredClone(deposit.refill)
      book.state = { ...book.state, refill: rule, refillAt: nextAt }
    }
    if (deposit.audit !== null) this.#neighbours.appendAudit(deposit.audit)
    return { outcome: 'moved', state: structuredClone(book.state) }
  }

  async listMovements(account: Account, beforeSequence = Number.POSITIVE_INFINITY, limit: number) {
    const movements = this.#books.get(nameOf(account))?.movements ?? []
    const end = Math.min(beforeSequence - 1, movements.length)
    return structuredClone(movements.slice(Math.max(end - limit, 0), end).reverse())
  }

  #resume(book: Book, reservation: Reservation, debit: Debit): DebitOutcome {
    this.#put(book, debit.operation, reservation, lease(debit))
    return { outcome: 'resumed', balance: book.state.balance, taken: reservation.taken }
  }

  #close(book: Book, reservation: Reservation, closing: Omit<Closing, 'token'>): ClosingOutcome {
    const { amount, shortfall, charged } = closeDebit(reservation.taken, book.state.balance, closing)
    const kind = closing.to === 'settled' ? 'settlement' : 'refund'
    const { requestId, at } = closing
    if (amount !== 0 || shortfall > 0) move(book, { kind, amount, shortfall, keyId: reservation.keyId, requestId, at })
    const token = closing.to === 'settled' ? reservation.token : null
    this.#put(book, closing.operation, reservation, { state: closing.to, token, taken: charged, leaseUntil: null })
    return { outcome: 'closed', balance: book.state.balance, charged, shortfall }
  }

  /** Changes how a debit stands, and what the account has reserved with it. */
  #put(book: Book, operation: string, reservation: Reservation, change: Partial<Reservation>): void {
    const before = reservation.state === 'open' ? reservation.taken : 0
    Object.assign(reservation, change)
    const after = reservation.state === 'open' ? reservation.taken : 0
    book.state = { ...book.state, reserved: book.state.reserved - before + after }
    if (reservation.state === 'open') this.#open.set(reservation, operation)
    else this.#open.delete(reservation)
  }
}

function newBook(): Book {
  const state = { balance: 0, reserved: 0, sequence: 0, refill: null, refillAt: null }
  return { state, movements: [], debits: new Map(), deposits: new Map() }
}

/** Two names are one only if owner and lineage are. */
function nameOf({ owner, lineage }: Account): string {
  return JSON.stringify([owner, lineage])
}

/** A debit is open while it has a lease; without one, it is settled from the start. */
function lease({ token, leaseUntil, afterLease }: Debit): Partial<Reservation> {
  const until = leaseUntil && new Date(leaseUntil)
  return { state: leaseUntil === null ? 'settled' : 'open', token, leaseUntil: until, afterLease }
}

function move(book: Book, facts: MovementFacts): void {
  const balance = book.state.balance + facts.amount
  const sequence = book.state.sequence + 1
  const rest = { shortfall: 0, operation: null, actor: null, reason: null }
  book.movements.push(structuredClone({ ...rest, ...facts, sequence, balance }))
  book.state = { ...book.state, balance, sequence }
}
