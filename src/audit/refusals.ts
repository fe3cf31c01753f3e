import type { DenialCode } from '../answers/standard-answers.ts'
import { type Observer, tell } from '../events.ts'
import { isKeyId } from '../keys/key-id.ts'
import type { ManageContext } from '../model/actor.ts'
import type { AuditDraft } from '../model/audit-entry.ts'
import type { KeyStore } from '../model/key-store.ts'
import { createRefusalCounts, type RefusalCount } from './refusal-counts.ts'

/** What was refused. */
export interface Refusal {
  readonly code: DenialCode
  readonly method: string
  /** Route as a pattern, such as `/keys/{id}`; `null` where there is none. */
  readonly route: string | null
  /** Id of the key, or name of the owner or policy, that it was about; `null` where it names none. */
  readonly target: string | null
}

/** Writes down what was refused to whom. */
export interface ManageRefusals {
  /**
   * Notes a refusal: one entry in the chain of the actor's owner, durable when this resolves. Of an actor who is refused
   * more than 20 times in a minute, the rest is counted, in one entry when the minute is over.
   *
   * @param context - Without an actor it was a stranger: an event, and no entry.
   * @throws {StoreUnavailableError} When the entry cannot be written.
   */
  note(refusal: Refusal, context: ManageContext | undefined): Promise<void>
  /** Writes what was counted and not written yet. */
  close(): Promise<void>
}

const MAX_TARGET_CHARACTERS = 256

/**
 * Creates the room's notes of refusals.
 *
 * @param showsKey - Says whether a text has an API key or a token in it: such a target is not kept.
 */
export function createManageRefusals(
  store: KeyStore,
  showsKey: (text: string) => boolean,
  observer: Observer | undefined,
): ManageRefusals {
  const counts = createRefusalCounts(store.clock, (counted) => store.appendAudit(counted.map(draftCount)))
  const now = () => new Date(store.clock.now())

  function draftCount({ owner, actor, since, codes, count }: RefusalCount): AuditDraft {
    const details = { counted: count, since: since.toISOString(), until: now().toISOString(), codes }
    return { ...NOWHERE, action: 'manage.refused', owner, actor, at: now(), details }
  }

  return {
    async note({ code, method, route, target }, context) {
      const { actor, address, requestId = '' } = context ?? {}
      const owner = actor?.owner ?? ''
      tell(observer, {
        type: 'manage_refused',
        requestId,
        code,
        address,
        actor: actor?.id ?? null,
        owner: actor?.owner,
      })
      if (actor === undefined) return
      if (!(await counts.mayWrite(owner, actor.id, code))) return
      const isShown = target !== null && target.length <= MAX_TARGET_CHARACTERS && !showsKey(target)
      const details = { code, method, route, target: isShown ? clean(target) : null }
      const keyId = isShown && isKeyId(target) ? target : null
      await store.appendAudit([
        {
          ...{ action: 'manage.refused', owner, keyId, actor: actor.id, address: address ?? null },
          ...{ requestId: requestId === '' ? null : requestId, at: now(), details },
        },
      ])
    },
    close: () => counts.close(),
  }
}

const NOWHERE = { keyId: null, address: null, requestId: null } as const

/** What a client wrote, without what no database keeps. */
function clean(text: string): string {
  return text.replaceAll(/[\0\ud800-\udfff]/gu, '\ufffd')
}
