import type { AlertOpening, NetworkOutcome, NetworkUse } from '../../model/alert-store.ts'

/** Stands among a lineage's networks for the alert that says that there are more than are kept. */
const FULL = '*'

/** What a batch of uses comes to. */
export interface NetworkPlan {
  readonly outcomes: readonly NetworkOutcome[]
  readonly rows: readonly { readonly lineage: string; readonly network: string; readonly first_at: number }[]
  /** How many networks each lineage has afterwards, where that is another number. */
  readonly counts: ReadonlyMap<string, number>
  readonly openings: readonly AlertOpening[]
}

/** Every lineage and network that a plan has to know of. */
export function placesOf(
  uses: readonly NetworkUse[],
): readonly { readonly lineage: string; readonly network: string }[] {
  const places = uses.flatMap(({ lineage, network }) => [
    { lineage, network },
    { lineage, network: FULL },
  ])
  return Array.from(new Map(places.map((place) => [nameOf(place), place])).values())
}

/**
 * Says what uses come to, one after the other, under the locks of their lineages.
 *
 * @param known - Which of {@link placesOf} are kept.
 * @param counted - How many networks each lineage has.
 */
export function planNetworks(
  uses: readonly NetworkUse[],
  known: readonly { readonly lineage: string; readonly network: string }[],
  counted: ReadonlyMap<string, number>,
  most: number,
): NetworkPlan {
  const kept = new Set(known.map(nameOf))
  const counts = new Map<string, number>()
  const rows: { lineage: string; network: string; first_at: number }[] = []
  const openings: AlertOpening[] = []
  const outcomes = uses.map(({ lineage, network, at, whenNew, whenFull }): NetworkOutcome => {
    if (kept.has(nameOf({ lineage, network }))) return 'known'
    const count = counts.get(lineage) ?? counted.get(lineage) ?? 0
    const isFull = count >= most
    if (isFull && kept.has(nameOf({ lineage, network: FULL }))) return 'left'
    const row = { lineage, network: isFull ? FULL : network, first_at: at.getTime() }
    kept.add(nameOf(row))
    rows.push(row)
    if (!isFull) counts.set(lineage, count + 1)
    if (count === 0) return 'first'
    openings.push(isFull ? whenFull : whenNew)
    return isFull ? 'full' : 'new'
  })
  return { outcomes, rows, counts, openings }
}

function nameOf({ lineage, network }: { readonly lineage: string; readonly network: string }): string {
  return `${lineage} ${network}`
}
