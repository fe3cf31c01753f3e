import type { Meter } from '@opentelemetry/api'
import type { KeywardEvent, Part } from '../index.ts'
import { checkAttributes } from './check-attributes.ts'

/** Bounds of the buckets for durations, in seconds: from a check in process to a server that is slow. */
const BUCKETS = [0.00001, 0.00005, 0.0001, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5]

/** Creates what counts an event. */
export function createInstruments(meter: Meter): (event: KeywardEvent) => void {
  const counter = (name: string, unit: string, description: string) =>
    meter.createCounter(`keyward.${name}`, { unit: `{${unit}}`, description })

  const checks = counter('checks', 'check', 'Checks of API keys and session tokens.')
  const durations = meter.createHistogram('keyward.check.duration', {
    unit: 's',
    description: 'Duration of a check, from the header to the decision.',
    advice: { explicitBucketBoundaries: BUCKETS },
  })
  const units = counter('units', 'unit', 'Units that admitted requests counted in their windows.')
  const changes = counter('changes', 'change', 'Changes to keys, policies and credits.')
  const refusals = counter('manage.refusals', 'request', 'Requests that the management API refused.')
  const minted = counter('sessions.minted', 'token', 'Session tokens that were minted.')
  const stale = counter('stale_copies', 'copy', 'Copies of keys that were older than a change.')
  const leaks = counter('leaks', 'key', 'Keys that a secret scanner reported.')
  const opened = counter('alerts.opened', 'alert', 'Alerts that were opened.')
  const resolved = counter('alerts.resolved', 'alert', 'Alerts that no longer hold.')
  const undelivered = counter('alerts.undelivered', 'message', "Messages of the alerts' webhook that were given up.")
  const purged = counter('audit.purged', 'entry', 'Audit entries that were old enough to be purged.')
  const failures = counter('failures', 'failure', 'Errors that were answered as a failure of the server.')
  const degradations = counter('degradations', 'degradation', 'Times that a part could not do its work.')
  const warnings = counter('warnings', 'warning', 'Warnings about the configuration.')
  const uncounted = counter('usage.dropped', 'request', 'Requests that usage has not counted.')
  const degraded = meter.createUpDownCounter('keyward.degraded', {
    unit: '{part}',
    description: 'Parts that cannot do their work right now.',
  })
  const away = new Set<Part>()

  function degrade(part: Part): void {
    degradations.add(1, { 'keyward.part': part })
    // What goes wrong with one exchange says nothing of the next, and is never told to be over.
    if (part === 'exchange' || away.has(part)) return
    away.add(part)
    degraded.add(1, { 'keyward.part': part })
  }

  function recover(part: Part): void {
    if (away.delete(part)) degraded.add(-1, { 'keyward.part': part })
  }

  return (event) => {
    switch (event.type) {
      case 'admitted':
      case 'denied': {
        const attributes = checkAttributes(event)
        checks.add(1, attributes)
        durations.record(event.durationMs / 1_000, attributes)
        if (event.type === 'admitted') units.add(event.cost)
        return
      }
      case 'changed':
        return changes.add(1, { 'keyward.action': event.action, 'keyward.fenced': event.fenced })
      case 'manage_refused':
        return refusals.add(1, { 'keyward.denial.code': event.code, 'keyward.stranger': event.actor === null })
      case 'minted':
        return minted.add(1)
      case 'stale':
        return stale.add(1)
      case 'leaked':
        return leaks.add(1, { 'keyward.new': event.isNew, 'keyward.fenced': event.fenced })
      case 'alert_opened':
        return opened.add(1, { 'keyward.alert.kind': event.alert.kind })
      case 'alert_resolved':
        return resolved.add(1, { 'keyward.alert.kind': event.alert.kind })
      case 'alert_undelivered':
        return undelivered.add(1)
      case 'audit_purged':
        return purged.add(event.entries)
      case 'failed':
        return failures.add(1)
      case 'degraded':
        return degrade(event.part)
      case 'recovered':
        return recover(event.part)
      case 'usage_dropped':
        return uncounted.add(event.requests)
      case 'warning':
        return warnings.add(1, { 'keyward.warning': event.code })
    }
  }
}
