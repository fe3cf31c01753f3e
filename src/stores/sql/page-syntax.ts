/** Where databases differ in the statements of a page. */
export interface PageSyntax {
  /** Length of a text as `substr` counts it: in code points, or in bytes where text is kept as bytes. */
  lengthOf(text: string): number
  /** Writes a column so that no index is chosen for it, where the planner has no numbers to choose by. */
  unindexed(column: string): string
}

/** Text counted in code points. */
export function codePointsOf(text: string): number {
  return Array.from(text).length
}
