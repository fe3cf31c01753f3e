/** A piece of a statement: text, which is a literal of this library, or a value to be bound. */
export type Part = string | { readonly value: string | number }

/** Pieces that make a condition, a query or a statement. */
export type Parts = readonly Part[]

/** Writes conditions that must all hold. */
export function allOf(conditions: readonly Parts[]): Parts {
  return join(conditions, ' AND ')
}

/** Writes conditions of which one must hold. */
export function oneOf(conditions: readonly Parts[]): Parts {
  return ['(', ...join(conditions, ' OR '), ')']
}

/** Writes pieces one after the other, with text in between. */
export function join(pieces: readonly Parts[], between: string): Parts {
  return pieces.flatMap((piece, index) => (index === 0 ? piece : [between, ...piece]))
}
