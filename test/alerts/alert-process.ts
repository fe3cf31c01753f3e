import { createKeyward } from 'keyward'
import { sqlite } from 'keyward/sqlite'
import { createTestClock } from 'keyward/testing'

/** What the process says. */
export interface OpenedAlert {
  readonly alertId: string
}

/** Opens an alert in a file, with a webhook that hangs, and says when it is open. A process to kill. */
const [file = '', url = '', secret = '', now = ''] = process.argv.slice(2)
const clock = createTestClock(Number(now))
const keyward = createKeyward({
  store: sqlite(file, { clock }),
  alerts: { webhook: { url, secret } },
  onEvent: (event) => {
    if (event.type === 'alert_opened') process.send?.({ alertId: event.alert.id } satisfies OpenedAlert)
  },
})
await keyward.ready()
await keyward.keys.create({ owner: 'acme', name: 'a', expiresAt: new Date(clock.now() + 3_600_000) })
await keyward.alerts.check()
