import { type Denial, headOfNode, type Identity, type Keyward, type KeywardEvent, type RouteOptions } from 'keyward'

/** What a test says of a request. */
export interface VisitOptions extends RouteOptions {
  readonly peer?: string
  readonly headers?: Readonly<Record<string, string>>
}

/** Makes the head of a request that carries an API key. */
export function headWith(apiKey: string, { peer, headers = {} }: VisitOptions = {}) {
  const rawHeaders = ['Authorization', `Bearer ${apiKey}`, ...Object.entries(headers).flat()]
  return headOfNode({ method: 'POST', headers: {}, rawHeaders, socket: { remoteAddress: peer } })
}

/** Lets a request with this key walk through the first half. */
export async function visit(keyward: Keyward, apiKey: string, options: VisitOptions = {}): Promise<Identity | Denial> {
  const { peer: _peer, headers: _headers, ...route } = options
  return keyward.admit(keyward.receive(headWith(apiKey, options)), keyward.route(route))
}

/** Says in a word what became of a request: `admitted`, or the code of the refusal. */
export async function outcomeOf(keyward: Keyward, apiKey: string, options: VisitOptions = {}): Promise<string> {
  const decision = await visit(keyward, apiKey, options)
  return decision.denied ? decision.code : 'admitted'
}

/** Says why the latest refused request was refused. */
export function lastReason(events: readonly KeywardEvent[]): string | undefined {
  const last = events.findLast((event) => event.type === 'denied')
  return last?.type === 'denied' ? last.reason : undefined
}

/** Value of a header of an answer. */
export function headerOf(decision: Pick<Denial | Identity, 'headers'>, name: string): string | undefined {
  return decision.headers.find(([found]) => found === name)?.[1]
}
