import type { auditPageJson, auditVerificationJson } from '../manage/audit-json.ts'
import type { creditsJson, movementPageJson } from '../manage/credit-json.ts'
import type { keyJson } from '../manage/key-json.ts'

/** A key as the management API shows it. */
export type KeyJson = ReturnType<typeof keyJson>
/** A key that was just made. */
export type CreatedKeyJson = KeyJson & { readonly apiKey: string }
/** A key that was just made by rotation. */
export type RotatedKeyJson = CreatedKeyJson & { readonly previous: KeyJson; readonly fenced: boolean }
/** A key that was just changed. */
export type ChangedKeyJson = KeyJson & { readonly fenced: boolean }
/** A page of a list; `nextCursor` is `null` on the last. */
export interface PageJson<T> {
  readonly items: readonly T[]
  readonly nextCursor: string | null
}
/** An audit entry. */
export type AuditEntryJson = ReturnType<typeof auditPageJson>['items'][number]
/** What a verification came to. */
export type AuditVerificationJson = ReturnType<typeof auditVerificationJson>
/** An account of credits. */
export type CreditsJson = ReturnType<typeof creditsJson>
/** A movement of credits. */
export type MovementJson = ReturnType<typeof movementPageJson>['items'][number]

/** Counts of requests. */
export interface CountsJson {
  readonly requests: number
  readonly refused: number
  readonly succeeded: number
  readonly redirected: number
  readonly clientErrors: number
  readonly serverErrors: number
  readonly credits: number
}
/** Counts of one stretch of time. */
export type PointJson = CountsJson & { readonly at: string }
/** Counts of one key, route or app. */
export type GroupJson = CountsJson & {
  readonly name: string
  readonly label: string | null
  readonly series: readonly PointJson[]
}
/** What was used. */
export interface UsageJson {
  readonly from: string
  readonly to: string
  readonly interval: 'minute' | 'hour' | 'day'
  readonly totals: CountsJson
  readonly series: readonly PointJson[]
  readonly groups: readonly GroupJson[]
  readonly overhead: {
    readonly p50Microseconds: number
    readonly p95Microseconds: number
    readonly requests: number
  } | null
}
/** An app among those that used the API most. */
export interface RankingJson {
  readonly rank: number
  readonly app: string
  readonly referer: string | null
  readonly title: string | null
  readonly requests: number
  readonly credits: number
  readonly keys: number
  readonly previousRequests: number
  readonly change: number | null
}
/** A limit of a key, with what is used of it now. */
export interface LimitJson {
  readonly policy: string
  readonly per?: string
  readonly limit: number
  readonly windowSeconds: number
  readonly used: number
  readonly remaining: number
  readonly resetAt: string
}
/** Something that somebody should look at. */
export interface AlertJson {
  readonly id: string
  readonly owner: string
  readonly keyId: string | null
  readonly kind: string
  readonly state: 'open' | 'acknowledged' | 'snoozed' | 'resolved'
  readonly reason: string
  readonly details: Readonly<Record<string, unknown>>
  readonly openedAt: string
  readonly acknowledgedAt: string | null
  readonly acknowledgedBy: string | null
  readonly snoozedUntil: string | null
  readonly resolvedAt: string | null
}
/** A policy. */
export interface PolicyJson {
  readonly name: string
  readonly windows: readonly { readonly limit: number; readonly windowSeconds: number; readonly per?: string }[]
}
