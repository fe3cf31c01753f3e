import { Agent, request } from 'node:http'

/** What a call came to; status 0 where the connection broke before the answer. */
export interface Called {
  readonly status: number
  readonly body: string
  readonly isReplayed: boolean
}

/** Calls an instance, over connections that are kept. */
export class Caller {
  readonly #agent: Agent
  readonly #url: string
  readonly #apiKey: string

  constructor(url: string, apiKey: string, connections: number) {
    this.#agent = new Agent({ keepAlive: true, maxSockets: connections })
    this.#url = url
    this.#apiKey = apiKey
  }

  /** @param fields - Further header fields. */
  post(path: string, fields: Readonly<Record<string, string>> = {}): Promise<Called> {
    return new Promise((resolve) => {
      const broken = () => resolve({ status: 0, body: '', isReplayed: false })
      const headers = { authorization: `Bearer ${this.#apiKey}`, 'content-type': 'application/json', ...fields }
      const sent = request(`${this.#url}${path}`, { method: 'POST', agent: this.#agent, headers }, (response) => {
        let body = ''
        response.setEncoding('utf8')
        response.on('data', (chunk: string) => {
          body += chunk
        })
        response.on('error', broken)
        response.on('close', broken)
        response.on('end', () =>
          resolve({
            status: response.statusCode ?? 0,
            body,
            isReplayed: response.headers['idempotent-replayed'] === 'true',
          }),
        )
      })
      sent.on('error', broken)
      sent.end('{"prompt":"a quiet lake"}')
    })
  }

  close(): void {
    this.#agent.destroy()
  }
}

/** How many calls came to each status. */
export function statuses(calls: readonly Called[]): Readonly<Record<number, number>> {
  const counts: Record<number, number> = {}
  for (const { status } of calls) counts[status] = (counts[status] ?? 0) + 1
  return counts
}
