import { expectEqual } from '../expectations.ts'
import type { KeyStoreCase } from '../key-store/key-store-case.ts'
import { instant } from '../key-store/samples.ts'
import * as sample from './samples.ts'

const { alertStoreCase, alertsOf, networkUse, openOne, resolving, sampleDelivery, subjectsOf } = sample

/** What a store must do with messages, and with networks that keys are used from. */
export const deliveryCases: readonly KeyStoreCase[] = [
  alertStoreCase('keeps the message of an opening and of a change', async (alerts, _, reopen) => {
    const [first, second] = [sampleDelivery(), sampleDelivery(5)]
    const alert = await openOne(alerts, {}, first)
    await alerts.changeAlert(resolving(alert, 5, second))
    const claimed = await alertsOf(await reopen()).claimDeliveries(instant(5), instant(10), 'token', 10)
    const expected = [first, second].map(({ id, body, at }) => ({ id, body, createdAt: at, attempt: 1 }))
    expectEqual(claimed, expected, 'messages')
  }),

  alertStoreCase('hands each message to one of 10 that claim at once', async (alerts, _, reopen) => {
    const stores = [alerts, alertsOf(await reopen())]
    for (let each = 0; each < 5; each++) await openOne(alerts, {}, sampleDelivery())
    const claims = Array.from({ length: 10 }, (_each, index) =>
      (stores[index % 2] ?? alerts).claimDeliveries(instant(), instant(60_000), `token ${index}`, 2),
    )
    const ids = (await Promise.all(claims)).flat().map(({ id }) => id)
    const rest = (await alerts.claimDeliveries(instant(), instant(60_000), 'rest', 10)).map(({ id }) => id)
    expectEqual(new Set([...ids, ...rest]).size, 5, 'messages')
    expectEqual(ids.length + rest.length, 5, 'claims')
  }),

  alertStoreCase('hands a message out again when its lease has ended, and counts the try', async (alerts) => {
    await openOne(alerts, {}, sampleDelivery(10))
    expectEqual(await alerts.claimDeliveries(instant(9), instant(99), 'early', 10), [], 'before its time')
    const [first] = await alerts.claimDeliveries(instant(10), instant(20), 'first', 10)
    expectEqual(await alerts.claimDeliveries(instant(19), instant(99), 'second', 10), [], 'while it is leased')
    const [second] = await alerts.claimDeliveries(instant(20), instant(30), 'second', 10)
    expectEqual(second, first && { ...first, attempt: 2 }, 'the second try')
    expectEqual(await alerts.endDelivery(second?.id ?? '', 'first', null), false, 'an end by the first')
    expectEqual(await alerts.endDelivery(second?.id ?? '', 'second', null), true, 'an end by the second')
    expectEqual(await alerts.claimDeliveries(instant(99), instant(199), 'third', 10), [], 'when it is done')
  }),

  alertStoreCase('puts a message off to an instant', async (alerts) => {
    const delivery = sampleDelivery()
    await openOne(alerts, {}, delivery)
    await alerts.claimDeliveries(instant(), instant(60_000), 'token', 1)
    expectEqual(await alerts.endDelivery(delivery.id, 'token', instant(500)), true, 'putting it off')
    expectEqual(await alerts.endDelivery(delivery.id, 'token', null), false, 'another end with the same token')
    expectEqual(await alerts.claimDeliveries(instant(499), instant(999), 'next', 1), [], 'before it')
    const [again] = await alerts.claimDeliveries(instant(500), instant(999), 'next', 1)
    expectEqual([again?.id, again?.attempt], [delivery.id, 2], 'at the instant')
  }),

  alertStoreCase('removes messages that nobody has sent for long', async (alerts) => {
    await openOne(alerts, {}, sampleDelivery())
    await openOne(alerts, {}, sampleDelivery(1))
    await alerts.removeResolved(instant(1), 10)
    expectEqual((await alerts.claimDeliveries(instant(1), instant(2), 'token', 10)).length, 1, 'messages that are left')
  }),

  alertStoreCase('keeps a first network, and opens an alert for each new one', async (alerts, _, reopen) => {
    const uses = ['a', 'a', 'b', 'b'].map((network) => networkUse('key_1', network))
    const other = networkUse('key_2', 'b')
    const expected = ['first', 'known', 'new', 'known', 'first']
    expectEqual(await alerts.noteNetworks([...uses, other], 10), expected, 'outcomes')
    expectEqual(await alertsOf(await reopen()).noteNetworks(uses, 10), Array(4).fill('known'), 'the same again')
    expectEqual(await subjectsOf(alerts), ['key_1 b'], 'alerts')
    expectEqual((await alerts.claimDeliveries(instant(), instant(1), 'token', 10)).length, 1, 'messages')
  }),

  alertStoreCase('keeps so many networks of a lineage, and says once that there are more', async (alerts) => {
    const uses = ['a', 'b', 'c', 'd'].map((network) => networkUse('key_1', network))
    expectEqual(await alerts.noteNetworks(uses, 2), ['first', 'new', 'full', 'left'], 'outcomes')
    const again = ['b', 'c', 'e'].map((network) => networkUse('key_1', network))
    expectEqual(await alerts.noteNetworks(again, 2), ['known', 'left', 'left'], 'later outcomes')
    expectEqual((await subjectsOf(alerts)).toSorted(), ['key_1 *', 'key_1 b'], 'alerts')
  }),

  alertStoreCase('takes one of 10 networks at once for the first', async (alerts, _, reopen) => {
    const stores = [alerts, alertsOf(await reopen())]
    const outcomes = await Promise.all(
      Array.from({ length: 10 }, (_each, index) =>
        (stores[index % 2] ?? alerts).noteNetworks([networkUse('key_1', `network ${index}`)], 100),
      ),
    )
    expectEqual(outcomes.flat().filter((outcome) => outcome === 'first').length, 1, 'first networks')
    expectEqual(outcomes.flat().filter((outcome) => outcome === 'new').length, 9, 'new networks')
    expectEqual((await subjectsOf(alerts)).length, 9, 'alerts')
  }),
]
