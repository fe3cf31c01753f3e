export { type Alert, type ShownAlert, showAlert } from './alerts/alert.ts'
export type { AlertListInput, AlertPage, Alerts, SnoozeInput } from './alerts/alerts.ts'
export type { WebhookOptions } from './alerts/webhook.ts'
export type { ReceivedWebhook } from './alerts/webhook-signature.ts'
export { createDenial, type Denial, type DenialContext } from './answers/denial.ts'
export { codeOfError, isServerFailure, type SchemaIssue } from './answers/error-code.ts'
export { answerFetch, withFetchHeaders } from './answers/fetch-answer.ts'
export type { FinishedAnswer, HeaderFields } from './answers/finished-answer.ts'
export { answerNode, type NodeResponseLike, setNodeHeaders } from './answers/node-answer.ts'
export type { WatchedResponse } from './answers/node-exchange.ts'
export type { OpenExchange, Outcome } from './answers/open-exchange.ts'
export { pi } from './answers/pi.ts'
export { pipevideo } from './answers/pipevideo.ts'
export { pptVideo } from './answers/ppt-video.ts'
export { createProfile, defaultProfile, type Profile, type WireError } from './answers/profile.ts'
export type { Answer, DenialCode } from './answers/standard-answers.ts'
export { videogen } from './answers/videogen.ts'
export { visionpipe } from './answers/visionpipe.ts'
export {
  attachedDenial,
  attachedIdentity,
  type ErrorDetails,
  fieldsToSet,
  idField,
  keepFields,
  receiveOnce,
} from './attached-context.ts'
export { type Attribution, type AttributionHeaders, sanitizeAttribution } from './attribution/attribution.ts'
export type {
  Audit,
  AuditExportInput,
  AuditListInput,
  AuditPage,
  AuditVerifyInput,
} from './audit/audit.ts'
export type { Refusal } from './audit/refusals.ts'
export type { AuditPurgeReport } from './audit/retention.ts'
export type { AuditFault, AuditVerification } from './audit/verify-chain.ts'
export { abandonOn, beginNode, finishFetch } from './begin-exchange.ts'
export { countFetch, countNode, type EndingResponse } from './count-response.ts'
export { parseAuthorization } from './credential/authorization.ts'
export type { ClientAddressOption } from './credential/client-address.ts'
export { digestApiKey, type Pepper } from './credential/digest.ts'
export { headOfFetch } from './credential/fetch-head.ts'
export { peerOfFetch } from './credential/fetch-peer.ts'
export { type HeadersLike, headOfHeaders } from './credential/headers-head.ts'
export { createKeyFormat, type KeyFormat, type KeyFormatOptions } from './credential/key-format.ts'
export { headOfNode, type NodeRequestLike } from './credential/node-head.ts'
export type { RequestHead } from './credential/request-head.ts'
export type {
  CreditState,
  Credits,
  CreditTarget,
  MovementListInput,
  MovementPage,
  SetCreditsInput,
  TopUpInput,
} from './credits/credits.ts'
export { type Deployment, readDeployment } from './deployment.ts'
export type { DenialReason, KeywardEvent, Observer, Part } from './events.ts'
export { keptBody, readFetchBody } from './idempotency/fetch-body.ts'
export { type NodeBodyLike, type ReadBody, readNodeBody } from './idempotency/node-body.ts'
export type { Identity } from './identity.ts'
export type { BulkResult, BulkSelection } from './keys/bulk.ts'
export type { CopyBounds } from './keys/copies.ts'
export type { ChangedKey, CreatedKey, Key, RotatedKey } from './keys/key-view.ts'
export type {
  BulkAction,
  ImportedKey,
  KeyListInput,
  KeyPage,
  KeyPatchInput,
  Keys,
  NewKey,
} from './keys/keys.ts'
export { createKeyward, type Keyward, type Verification, type VerifyInput } from './keyward.ts'
export type { LeakMatch, LeakPlace } from './leaks/leak-place.ts'
export type { Leak, LeakReport, Leaks } from './leaks/leaks.ts'
export type { Attempt, FailedAttemptsOptions } from './limits/failed-attempts.ts'
export type { LimitState } from './limits/limit-state.ts'
export type { KeyLimit, Limits } from './limits/limits.ts'
export { createSlidingWindow, type SlidingWindow } from './limits/sliding-window.ts'
export type { Actor, ManageContext } from './model/actor.ts'
export type {
  AlertChange,
  AlertKind,
  AlertOpening,
  AlertQuery,
  AlertRecord,
  AlertState,
  AlertStore,
  ClaimedDelivery,
  DeliveryDraft,
  NetworkOutcome,
  NetworkUse,
  Turn,
} from './model/alert-store.ts'
export type { AuditAction, AuditDraft, AuditEntry } from './model/audit-entry.ts'
export { auditPayload } from './model/audit-entry.ts'
export type {
  AuditEnd,
  AuditEnds,
  AuditLink,
  AuditPlace,
  AuditPurge,
  AuditPurgeOutcome,
  AuditQuery,
  AuditTrail,
  PlacedAudit,
} from './model/audit-trail.ts'
export type { Channel, ChannelListener } from './model/channel.ts'
export type {
  ClaimOutcome,
  ClaimRequest,
  ClaimStore,
  Completion,
} from './model/claim-store.ts'
export type { Clock } from './model/clock.ts'
export {
  ConfigError,
  ForbiddenError,
  type InputIssue,
  InvalidInputError,
  InvalidKeyError,
  KeywardError,
  NotFoundError,
  StoreConflictError,
  StoreUnavailableError,
} from './model/errors.ts'
export { foldName } from './model/folded-name.ts'
export type { Bucket, Gate, GateAnswer, GateRequest, GateWarning, WindowState } from './model/gate.ts'
export type { GateInspection, GateServer, ServingProcess, StoreInspection } from './model/inspection.ts'
export type { KeyRecord, KeyState, Metadata } from './model/key-record.ts'
export type {
  ChangeOutcome,
  CommitOptions,
  Fence,
  InstantCondition,
  KeyChange,
  KeyOrder,
  KeyQuery,
  KeyStore,
  KeyUse,
} from './model/key-store.ts'
export type {
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
  MovementKind,
  Refill,
} from './model/ledger.ts'
export { andThen, type MaybePromise } from './model/maybe-promise.ts'
export type { Policy, Window } from './model/policy.ts'
export type { JsonWebKeySet, PublicJwk, SessionClaims, SessionSigner } from './model/session-signer.ts'
export type {
  LabelQuery,
  UsageBatch,
  UsageCounts,
  UsageDimension,
  UsageInterval,
  UsageQuery,
  UsageRank,
  UsageRow,
  UsageScope,
  UsageStore,
  UsageStretch,
  UsageSum,
} from './model/usage-store.ts'
export type {
  AlertsOptions,
  AuditOptions,
  CreditsOptions,
  FleetOptions,
  IdempotencyTerms,
  KeysOptions,
  KeywardOptions,
  LimitsOptions,
  LocalWindows,
  StaleCopies,
} from './options.ts'
export type { RequestContext } from './request-context.ts'
export type { IdempotencyOptions, MeteredCredits, Route, RouteOptions } from './route.ts'
export type { ReadRequestBody } from './second-half.ts'
export type { MintedSession, MintOptions, SessionSubject, Sessions } from './sessions/mint-session.ts'
export type { SignIn, SignIns } from './sign-ins/sign-ins.ts'
export { memoryGate } from './stores/memory/memory-gate.ts'
export { memory } from './stores/memory/memory-store.ts'
export { systemClock } from './stores/system-clock.ts'
export type { UsageOverhead } from './usage/overhead.ts'
export type { RoutePattern } from './usage/route-name.ts'
export type {
  Ranking,
  Rankings,
  Usage,
  UsageGroup,
  UsagePoint,
  UsageRankingsInput,
  UsageReadInput,
  UsageReport,
} from './usage/usage.ts'
export { verifyWebhook } from './verify-webhook.ts'
