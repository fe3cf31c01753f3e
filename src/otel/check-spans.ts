import { type Attributes, SpanStatusCode, type Tracer } from '@opentelemetry/api'
import { isServerFailure } from '../index.ts'
import { type Checked, checkAttributes } from './check-attributes.ts'

/** Creates what makes a span of a check that has ended, below the span that is active where it ended. */
export function createCheckSpans(tracer: Tracer, includeIds: boolean): (event: Checked) => void {
  return (event) => {
    const endedAtMs = performance.timeOrigin + performance.now()
    const attributes = { ...checkAttributes(event), ...(includeIds && idsOf(event)) }
    const span = tracer.startSpan('keyward.check', { attributes, startTime: endedAtMs - event.durationMs })
    if (event.type === 'denied' && isServerFailure(event.code)) span.setStatus({ code: SpanStatusCode.ERROR })
    span.end(endedAtMs)
  }
}

/** An attribute that is `undefined` is left out. */
function idsOf(event: Checked): Attributes {
  return {
    'keyward.request.id': event.requestId,
    'keyward.key.id': event.keyId,
    'keyward.owner': event.owner,
    'client.address': event.type === 'denied' ? event.address : undefined,
  }
}
