/** Metadata of a key: any JSON object, at most 16,384 bytes as JSON. */
export type Metadata = { readonly [name: string]: unknown }

/**
 * What is stored of a key. The API key itself is nowhere in it, only its digest. Instants are UTC; `null` is
 * stored and known to be absent.
 */
export interface KeyRecord {
  /** `key_` and a ULID. Safe to log. */
  readonly id: string
  /** Id of the first key of the rotation chain. Limits, credits and `version` belong to the lineage. */
  readonly lineage: string
  /** SHA-256 of the API key in base64url (43 characters), keyed with a pepper when `pepperVersion` is above 0. */
  readonly digest: string
  /** Version of the pepper in `digest`; 0 where there is none. */
  readonly pepperVersion: number
  /** Organization, account or service that the key acts for. Never changes. */
  readonly owner: string
  /** Id of the actor who created the key; `null` where the application itself did. */
  readonly createdBy: string | null
  readonly name: string
  /** First 12 characters of the API key, for lists; `null` for an imported digest whose key was never seen. */
  readonly start: string | null
  readonly scopes: readonly string[]
  /** Names of the policies whose windows every request of this key faces. */
  readonly policies: readonly string[]
  /** Audiences for which the key is good; an empty list means every audience. */
  readonly audiences: readonly string[]
  /** Addresses and CIDR ranges (v4, v6) from which the key may be used; an empty list means from anywhere. */
  readonly addresses: readonly string[]
  readonly metadata: Metadata
  readonly createdAt: Date
  readonly updatedAt: Date
  readonly startsAt: Date | null
  readonly expiresAt: Date | null
  readonly disabledAt: Date | null
  readonly revokedAt: Date | null
  readonly deletedAt: Date | null
  /** Last use, from its own row, at most a minute and a flush behind; `null` before the first. */
  readonly lastUsedAt: Date | null
  /** Id of the key that this one replaced. */
  readonly rotatedFrom: string | null
  /** Id of the key that replaced this one. */
  readonly rotatedTo: string | null
  /** Version of the lineage when the record was read: 1 at creation, raised by every change to any of its keys. */
  readonly version: number
}

/** What a list or a page says of a key, judged at an instant. */
export type KeyState = 'active' | 'scheduled' | 'disabled' | 'revoked' | 'expired' | 'deleted'
