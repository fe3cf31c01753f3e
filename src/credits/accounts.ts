import { type Observer, tell } from '../events.ts'
import { checkInput } from '../keys/key-input.ts'
import { checkReach, type ManageContext } from '../model/actor.ts'
import { InvalidInputError, NotFoundError, StoreConflictError } from '../model/errors.ts'
import { findKey } from '../model/find-key.ts'
import type { KeyStore } from '../model/key-store.ts'
import { type AccountState, type Deposit, type Ledger, MAX_CREDITS } from '../model/ledger.ts'
import { type AccountMode, accountOf } from './account.ts'
import { creditTarget } from './credit-input.ts'
import type { FoundAccount } from './draft-deposit.ts'
import { refillIfDue } from './refill-account.ts'

/** What the credits are given by the composition. */
export interface CreditsRooms {
  readonly store: KeyStore
  readonly mode: AccountMode
  readonly observer: Observer | undefined
  /** Resolves when the store is open. */
  readonly ready: () => Promise<void>
}

/** Accounts by what names them, as those who manage credits see them. */
export interface Accounts {
  /**
   * Finds the account that is meant, stored or not.
   *
   * @throws {NotFoundError} When the key is not there or not the actor's, or the owner's pool is spent by nobody.
   */
  find(target: unknown, context: ManageContext | undefined): Promise<FoundAccount>
  /** Reads an account once its refills are made. */
  read(ledger: Ledger, found: FoundAccount): Promise<AccountState>
  /**
   * Makes a deposit, and tells of it unless it is a repetition.
   *
   * @returns `undefined` when somebody else was first.
   * @throws {StoreConflictError} When the operation's id was used for something else.
   * @throws {InvalidInputError} When the balance would be too high.
   */
  make(ledger: Ledger, found: FoundAccount, deposit: Deposit): Promise<AccountState | undefined>
}

/** What is read of an account that nothing was ever moved on. */
const NOTHING: AccountState = { balance: 0, reserved: 0, sequence: 0, refill: null, refillAt: null }

/** Creates the accounts. */
export function createAccounts({ store, mode, observer, ready }: CreditsRooms): Accounts {
  return {
    async find(target, context) {
      const checked = checkInput(creditTarget, target)
      await ready()
      if ('owner' in checked) {
        checkReach(context?.actor, checked.owner)
        if (mode === 'key') throw new NotFoundError('There is no such account: each key has credits of its own.')
        return { account: accountOf(mode, { owner: checked.owner, lineage: '' }), keyId: null }
      }
      const key = await findKey(store, checked.keyId, context?.actor)
      return { account: accountOf(mode, key), keyId: mode === 'key' ? key.id : null }
    },

    async read(ledger, { account }) {
      const state = await ledger.findAccount(account)
      if (state === undefined) return NOTHING
      const isRefilled = await refillIfDue(ledger, account, state, new Date(store.clock.now()))
      return (isRefilled ? await ledger.findAccount(account) : state) ?? NOTHING
    },

    async make(ledger, { keyId }, deposit) {
      const made = await ledger.deposit(deposit)
      if (!('state' in made)) {
        if (made.outcome === 'superseded') return undefined
        throw made.outcome === 'reused'
          ? new StoreConflictError('The operationId was used for another operation.')
          : new InvalidInputError([{ path: ['amount'], message: `would raise the balance above ${MAX_CREDITS}` }])
      }
      const { audit, actor, account } = deposit
      const version = made.state.sequence
      const { action } = audit ?? {}
      if (made.outcome === 'moved' && action !== undefined)
        tell(observer, { type: 'changed', action, keyId, owner: account.owner, actor, version, fenced: true })
      return made.state
    },
  }
}
