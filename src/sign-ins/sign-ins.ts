import { randomCharacters } from '../credential/random-characters.ts'
import { type Attempt, createFailedAttempts } from '../limits/failed-attempts.ts'
import type { Actor, ManageContext } from '../model/actor.ts'
import type { AuditAction, AuditDraft } from '../model/audit-entry.ts'
import type { KeyStore } from '../model/key-store.ts'
import { sha256 } from '../model/sha256.ts'

/** 43 characters of 64 hold 258 random bits. */
const ID_ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
const ID_CHARACTERS = 43
/** Failures of an address in any minute before its attempts are rationed to one a second. */
const FAILURES = { perMinute: 10, lookUpsPerSecond: 1 }
/** A form that was shown longer ago than this is not taken. */
const FORM_MS = 12 * 3_600_000

/** Who is signed in, as it is kept. */
export interface SignIn {
  readonly actor: Actor
  /** What the means of signing in was marked with; a sign-in by a token that has been replaced shows another mark. */
  readonly mark: string
}

/**
 * Keeps who has signed in to pages for people, in the store: a sign-in holds on every instance, over restarts, and so does
 * its end. Only the SHA-256 of an id is kept. What is past its time is removed with the next sign-in or form.
 */
export interface SignIns {
  /**
   * Signs an actor in.
   *
   * @param ttlSeconds - For how many seconds: a whole number of at least 1.
   * @returns The new id: a random secret, for a cookie that no script can read.
   */
  begin(signIn: SignIn, ttlSeconds: number, context?: ManageContext): Promise<string>
  /** Finds who is signed in by an id; `undefined` for one that is unknown, past its time, or ended. */
  find(id: string): Promise<SignIn | undefined>
  /** Ends a sign-in everywhere. Ending twice changes nothing. */
  end(id: string, context?: ManageContext): Promise<void>
  /** Makes an id for a form that must act once. */
  newForm(): string
  /** Takes a form, once over all instances. @returns Whether it was the first time, and in time (12 hours). */
  takeForm(form: string): Promise<boolean>
  /**
   * Begins an attempt to sign in. After 10 failures of an address (IPv6 by /64) in a minute it has one attempt a second;
   * counted in this process, for 10,000 addresses, beyond which new ones share one budget, as those do that are not known.
   */
  attempt(address: string | undefined): Attempt
}

/** Creates the room. */
export function createSignIns(store: KeyStore, ready: () => Promise<void>): SignIns {
  const { clock } = store
  const attempts = createFailedAttempts(clock, FAILURES)

  function newId(lastsMs: number): string {
    return `${clock.now() + lastsMs}.${randomCharacters(ID_ALPHABET, ID_CHARACTERS)}`
  }

  async function note(action: AuditAction, actor: Actor, context: ManageContext | undefined): Promise<void> {
    const draft: AuditDraft = {
      ...{ action, owner: actor.owner ?? '', keyId: null, actor: actor.id, at: new Date(clock.now()), details: {} },
      ...{ address: context?.address ?? null, requestId: context?.requestId ?? null },
    }
    await store.appendAudit([draft])
  }

  const signIns: SignIns = {
    async begin(signIn, ttlSeconds, context) {
      await ready()
      const id = newId(ttlSeconds * 1_000)
      await store.dropNotes('sign-in:', `sign-in:${clock.now()}`)
      await note('dashboard.signed_in', signIn.actor, context)
      await store.keepNote(await noteOf('sign-in', id), JSON.stringify(signIn))
      return id
    },

    async find(id) {
      if (!isCurrent(id, clock.now())) return undefined
      await ready()
      const text = await store.findNote(await noteOf('sign-in', id))
      return text === undefined ? undefined : JSON.parse(text)
    },

    async end(id, context) {
      const signIn = await signIns.find(id)
      if (signIn === undefined) return
      const name = await noteOf('sign-in', id)
      await store.dropNotes(name, `${name}!`)
      await note('dashboard.signed_out', signIn.actor, context)
    },

    newForm: () => newId(FORM_MS),

    async takeForm(form) {
      if (!isCurrent(form, clock.now())) return false
      await ready()
      await store.dropNotes('form:', `form:${clock.now()}`)
      const taker = randomCharacters(ID_ALPHABET, ID_CHARACTERS)
      return (await store.keepNote(await noteOf('form', form), taker)) === taker
    },

    attempt: (address) => attempts.begin(address ?? 'unknown'),
  }
  return signIns
}

/** Instants stand in front, 13 digits long until the year 2286: names sort by them. */
async function noteOf(kind: 'sign-in' | 'form', id: string): Promise<string> {
  return `${kind}:${id.slice(0, 13)}:${await sha256(id, 'hex')}`
}

function isCurrent(id: string, now: number): boolean {
  const [, until] = /^(\d{13})\.[\w-]{43}$/.exec(id) ?? []
  return until !== undefined && Number(until) > now
}
