import type { Attributes } from '@opentelemetry/api'
import { isServerFailure, type KeywardEvent } from '../index.ts'

/** A check that has ended. */
export type Checked = Extract<KeywardEvent, { readonly type: 'admitted' | 'denied' }>

/**
 * What is said of every check: how it ended, and of a refusal its code and its reason. `error.type` is set for failures of the
 * server alone: a client that is refused is no error of ours.
 */
export function checkAttributes(event: Checked): Attributes {
  if (event.type === 'admitted') return { 'keyward.check.outcome': 'admitted' }
  const { code, reason } = event
  return {
    'keyward.check.outcome': 'denied',
    'keyward.denial.code': code,
    'keyward.denial.reason': reason,
    ...(isServerFailure(code) && { 'error.type': code }),
  }
}
