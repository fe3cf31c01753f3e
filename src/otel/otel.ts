import { type MeterProvider, metrics, type TracerProvider, trace } from '@opentelemetry/api'
import type { KeywardEvent, Observer } from '../index.ts'
import { createCheckSpans } from './check-spans.ts'
import { createInstruments } from './instruments.ts'

/** Options of {@link openTelemetry}. */
export interface OpenTelemetryOptions {
  /** Where metrics go. Default: the global meter provider. */
  readonly meterProvider?: MeterProvider | undefined
  /** Where spans go. Default: the global tracer provider. `null`: there are no spans. */
  readonly tracerProvider?: TracerProvider | null | undefined
  /**
   * Whether spans name the key's id, its owner, the request's id and the client's address. Default false. Metrics never do:
   * there is no end to them.
   */
  readonly includeIds?: boolean | undefined
}

const SCOPE = 'keyward'

/**
 * Creates an observer that turns events into OpenTelemetry metrics, and every check of a key into a span under the active
 * one: `createKeyward({ onEvent: openTelemetry() })`.
 *
 * Every attribute of a metric is one of the library's own codes. No API key, token, id, address or text of a client is in any
 * of them, nor in the name of a span.
 */
export function openTelemetry(options: OpenTelemetryOptions = {}): Observer {
  const { meterProvider = metrics, tracerProvider = trace, includeIds = false } = options
  const count = createInstruments(meterProvider.getMeter(SCOPE))
  const addSpan = tracerProvider === null ? undefined : createCheckSpans(tracerProvider.getTracer(SCOPE), includeIds)
  return (event: KeywardEvent) => {
    count(event)
    if (event.type === 'admitted' || event.type === 'denied') addSpan?.(event)
  }
}
