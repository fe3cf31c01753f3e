import { expectEqual, expectThat } from '../expectations.ts'
import type { KeyStoreCase } from '../key-store/key-store-case.ts'
import { instant } from '../key-store/samples.ts'
import * as sample from './samples.ts'

const { alertStoreCase, alertsOf, changing, openOne, opening, resolving, sampleAlert, sampleDelivery } = sample

const TIME = { name: 'check', at: instant(), nextAt: instant(60_000), latest: instant(3_600_000) }

/** What a store must do with alerts. */
export const alertCases: readonly KeyStoreCase[] = [
  alertStoreCase('returns an alert as it was opened, here and elsewhere', async (alerts, _, reopen) => {
    const plain = await openOne(alerts)
    const full = await openOne(alerts, {
      ...{ keyId: null, kind: 'credits_low', subject: 'é "quoted" 𝄞', state: 'snoozed', reason: 'Low: é.' },
      ...{ acknowledgedAt: instant(1), acknowledgedBy: 'ada', snoozedUntil: instant(2), calmSince: instant(3) },
      ...{ details: { balance: 5, nested: { list: [1, null, 'x'] } } },
    })
    for (const each of [alerts, alertsOf(await reopen())]) {
      expectEqual(await each.findAlert(plain.id), plain, 'the alert')
      expectEqual(await each.findAlert(full.id), full, 'the alert with all fields')
      expectEqual(await each.findAlert('alert_0'), undefined, 'another id')
    }
  }),

  alertStoreCase('holds one unresolved alert of a kind and subject', async (alerts) => {
    const first = await openOne(alerts, { subject: 'a' })
    const [same, kind, subject] = [
      opening(sampleAlert({ subject: 'a' }), sampleDelivery()),
      opening(sampleAlert({ subject: 'a', kind: 'expiry_near' })),
      opening(sampleAlert({ subject: 'A' })),
    ]
    expectEqual(await alerts.openAlerts([same, kind, subject, kind]), [false, true, true, false], 'openings')
    expectEqual(await alerts.findAlert(same.alert.id), undefined, 'the alert that was not opened')
    expectEqual(await alerts.claimDeliveries(instant(), instant(1), 't', 10), [], 'its message')
    expectEqual(await alerts.changeAlert(changing(first, { state: 'acknowledged' })), true, 'a change')
    expectEqual(await alerts.openAlerts([same]), [false], 'opening while it is acknowledged')
  }),

  alertStoreCase('opens the same anew once it is resolved', async (alerts) => {
    const first = await openOne(alerts, { subject: 'a' })
    expectEqual(await alerts.changeAlert(resolving(first)), true, 'the end')
    const second = await openOne(alerts, { subject: 'a' })
    expectEqual((await alerts.findAlert(first.id))?.state, 'resolved', 'the first')
    expectEqual((await alerts.findAlert(second.id))?.state, 'open', 'the second')
  }),

  alertStoreCase('opens the same alert once for 20 at once', async (alerts, _, reopen) => {
    const stores = [alerts, alertsOf(await reopen())]
    const outcomes = await Promise.all(
      Array.from({ length: 20 }, (_each, index) =>
        (stores[index % 2] ?? alerts).openAlerts([opening(sampleAlert({ subject: 'a' }), sampleDelivery())]),
      ),
    )
    expectEqual(outcomes.filter(([isOpened]) => isOpened).length, 1, 'openings')
    expectEqual((await alerts.listAlerts({ limit: 100 })).length, 1, 'alerts')
    expectEqual((await alerts.claimDeliveries(instant(), instant(1), 't', 100)).length, 1, 'messages')
  }),

  alertStoreCase('changes an alert only from the version that is expected', async (alerts, store) => {
    const alert = await openOne(alerts)
    const acknowledged = changing(alert, { state: 'acknowledged', acknowledgedAt: instant(5), acknowledgedBy: 'ada' })
    expectEqual(await alerts.changeAlert(acknowledged), true, 'the change')
    const late = changing(alert, { state: 'snoozed', snoozedUntil: instant(9) }, { delivery: sampleDelivery() })
    expectEqual(await alerts.changeAlert(late), false, 'another one from the same version')
    expectEqual(await alerts.changeAlert(changing(sampleAlert(), {})), false, 'a change to no alert')
    expectEqual(await alerts.findAlert(alert.id), acknowledged.alert, 'the alert')
    expectEqual((await store.listAudit('acme', 0, 10)).length, 1, 'audit entries')
    expectEqual(await alerts.claimDeliveries(instant(), instant(1), 't', 10), [], 'messages')
  }),

  alertStoreCase('makes one of 10 changes at once', async (alerts, store, reopen) => {
    const stores = [alerts, alertsOf(await reopen())]
    const alert = await openOne(alerts)
    const outcomes = await Promise.all(
      Array.from({ length: 10 }, (_each, index) =>
        (stores[index % 2] ?? alerts).changeAlert(changing(alert, { state: 'acknowledged' })),
      ),
    )
    expectEqual(outcomes.filter((isMade) => isMade).length, 1, 'changes')
    expectEqual((await store.listAudit('acme', 0, 100)).length, 1, 'audit entries')
  }),

  alertStoreCase('lists alerts by owner, key and state, newest first, page by page', async (alerts) => {
    const ids = ['1', '2', '3', '4'].map((digit) => `alert_${digit}`)
    const [one, two, three, four] = ids as [string, string, string, string]
    await openOne(alerts, { id: three, owner: 'other', keyId: 'key_2' })
    const first = await openOne(alerts, { id: one })
    await openOne(alerts, { id: four, state: 'snoozed', snoozedUntil: instant(1) })
    await openOne(alerts, { id: two, keyId: null })
    await alerts.changeAlert(resolving(first))
    const list = async (query: object) => (await alerts.listAlerts({ limit: 10, ...query })).map(({ id }) => id)
    expectEqual(await list({}), [four, three, two, one], 'all')
    expectEqual(await list({ limit: 2 }), [four, three], 'a page')
    expectEqual(await list({ limit: 2, beforeId: three }), [two, one], 'the next page')
    expectEqual(await list({ owner: 'acme' }), [four, two, one], 'those of an owner')
    expectEqual(await list({ owner: 'ACME' }), [], 'those of an owner in capitals')
    expectEqual(await list({ keyId: 'key_2' }), [three], 'those of a key')
    expectEqual(await list({ state: 'open' }), [three, two], 'open ones')
    expectEqual(await list({ state: 'resolved', owner: 'acme' }), [one], 'resolved ones of an owner')
    expectEqual(await list({ state: 'unresolved' }), [four, three, two], 'unresolved ones')
  }),

  alertStoreCase('removes alerts that were resolved before an instant, so many at a time', async (alerts) => {
    const old = [await openOne(alerts), await openOne(alerts), await openOne(alerts)]
    for (const alert of old) await alerts.changeAlert(resolving(alert, 0))
    const young = await openOne(alerts)
    await alerts.changeAlert(resolving(young, 1))
    const open = await openOne(alerts)
    expectEqual(await alerts.removeResolved(instant(), 10), 0, 'at their instant')
    expectEqual(await alerts.removeResolved(instant(1), 2), 2, 'two of three')
    expectEqual(await alerts.removeResolved(instant(1), 10), 1, 'the rest')
    const left = (await alerts.listAlerts({ limit: 10 })).map(({ id }) => id)
    expectEqual(left.toSorted(), [young.id, open.id].toSorted(), 'what is left')
  }),

  alertStoreCase('gives a turn to one of 10 at once, when its time has come', async (alerts, _, reopen) => {
    const stores = [alerts, alertsOf(await reopen())]
    for (const start of [0, 60_000]) {
      const turn = { ...TIME, at: instant(start), nextAt: instant(start + 60_000) }
      const tries = Array.from({ length: 10 }, (_each, index) => (stores[index % 2] ?? alerts).takeTurn(turn))
      expectEqual((await Promise.all(tries)).filter((isTaken) => isTaken).length, 1, 'turns')
    }
    expectEqual(await alerts.takeTurn({ ...TIME, at: instant(119_999) }), false, 'a turn a millisecond too early')
    expectEqual(await alerts.takeTurn({ ...TIME, name: 'other' }), true, 'another thing')
  }),

  alertStoreCase('lets no clock that was wrong keep everybody waiting', async (alerts) => {
    const day = 86_400_000
    expectEqual(await alerts.takeTurn({ ...TIME, at: instant(day), nextAt: instant(day) }), true, 'the wrong one')
    expectEqual(await alerts.takeTurn({ ...TIME, latest: instant(day) }), false, 'a turn within its latest instant')
    expectEqual(await alerts.takeTurn(TIME), true, 'a turn beyond it')
  }),

  alertStoreCase('keeps a place beside the turn of the same name', async (alerts, _, reopen) => {
    expectEqual(await alerts.findPlace('check'), '', 'before there is one')
    expectEqual(await alerts.takeTurn(TIME), true, 'a turn')
    await alerts.keepPlace('check', 'key_1')
    await alerts.keepPlace('check', 'key_2')
    expectEqual(await alertsOf(await reopen()).findPlace('check'), 'key_2', 'the place')
    expectThat(!(await alerts.takeTurn(TIME)), 'keeping a place gave the turn back')
  }),
]
