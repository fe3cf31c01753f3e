import type { GiveFirstCredits } from '../keys/issue-key.ts'
import { ownerOf } from '../model/actor.ts'
import type { Clock } from '../model/clock.ts'
import { ForbiddenError, InvalidInputError } from '../model/errors.ts'
import type { Ledger } from '../model/ledger.ts'
import { type AccountMode, accountOf } from './account.ts'

/**
 * Creates what gives keys their first credits. They are part of the key's own audit entry, so there is no other.
 *
 * @param initial - What a key begins with whose input names none, whoever creates it.
 */
export function createFirstCredits(
  ledger: Ledger | undefined,
  mode: AccountMode,
  clock: Clock,
  initial: number,
): GiveFirstCredits {
  return async (key, named, context) => {
    const credits = named ?? initial
    if (named !== undefined && ownerOf(context?.actor) !== undefined)
      throw new ForbiddenError('Credits are money: an actor of one owner cannot give any.')
    if (named === undefined && credits === 0) return 0
    if (mode !== 'key' || ledger === undefined)
      throw new InvalidInputError([
        { path: ['credits'], message: "needs credits.account: 'key'; top up the owner's pool instead" },
      ])
    if (credits === 0) return 0
    await ledger.deposit({
      account: accountOf(mode, key),
      kind: 'set',
      change: { to: credits },
      operation: 'key.created',
      expectedSequence: undefined,
      expectedRefillAt: undefined,
      refill: undefined,
      reason: null,
      actor: context?.actor?.id ?? null,
      requestId: context?.requestId ?? null,
      at: new Date(clock.now()),
      audit: null,
    })
    return credits
  }
}
