/** Most rows of one statement: far from the number of parameters that servers take, 65,535. */
const MAX_ROWS = 500
/** Most characters of one statement: far from the size of a packet that servers take, 4 MiB of it where text is sent in hex. */
const MAX_CHARACTERS = 500_000

/** Divides rows over statements of bounded size. */
export function* chunks<T extends object>(rows: readonly T[]): Generator<T[]> {
  let chunk: T[] = []
  let characters = 0
  for (const row of rows) {
    const length = charactersOf(row)
    if (chunk.length === MAX_ROWS || (chunk.length > 0 && characters + length > MAX_CHARACTERS)) {
      yield chunk
      chunk = []
      characters = 0
    }
    chunk.push(row)
    characters += length
  }
  if (chunk.length > 0) yield chunk
}

function charactersOf(row: object): number {
  let characters = 0
  for (const value of Object.values(row)) if (typeof value === 'string') characters += value.length
  return characters
}
