import { StoreUnavailableError } from '../../model/errors.ts'
import type { Metadata } from '../../model/key-record.ts'

/** A row as a driver returned it: column names and whatever it makes of their types. Read with {@link RowReader}. */
export type Row = Readonly<Record<string, unknown>>

/** The most text that a row may hold; what is longer was not written by this library. */
export const MAX_ROW_CHARACTERS = 65_536

/**
 * Reads the columns of a row, and trusts none of them: it may have been edited, damaged, or written by a newer
 * version. Understands what drivers make of the same columns: integers as numbers, bigints or digits, text as strings
 * or as bytes of UTF-8. Errors name the row and the column, never what is in it.
 */
export class RowReader {
  readonly #row: Row
  readonly #name: string

  /** @param name - Table and id of the row, for errors. */
  constructor(row: Row, name: string) {
    this.#row = row
    this.#name = name.slice(0, 128)
    let characters = 0
    for (const value of Object.values(row)) characters += charactersOf(value)
    if (characters > MAX_ROW_CHARACTERS) throw this.#damaged('its size')
  }

  text(column: string): string {
    const text = textOf(this.#row[column])
    if (text === undefined) throw this.#damaged(column)
    return text
  }

  textOrNull(column: string): string | null {
    return this.#row[column] === null ? null : this.text(column)
  }

  integer(column: string): number {
    const value = this.#row[column]
    const isWritten = typeof value === 'bigint' || (typeof value === 'string' && /^-?\d{1,16}$/.test(value))
    const number = isWritten ? Number(value) : value
    if (typeof number !== 'number' || !Number.isSafeInteger(number)) throw this.#damaged(column)
    return number
  }

  instant(column: string): Date {
    const instant = new Date(this.integer(column))
    if (Number.isNaN(instant.getTime())) throw this.#damaged(column)
    return instant
  }

  instantOrNull(column: string): Date | null {
    return this.#row[column] === null ? null : this.instant(column)
  }

  /** A JSON list of strings. */
  texts(column: string): readonly string[] {
    const value = this.json(column)
    if (!Array.isArray(value) || !value.every((item) => typeof item === 'string')) throw this.#damaged(column)
    return value
  }

  /** A JSON object. */
  object(column: string): Metadata {
    const value = this.json(column)
    if (typeof value !== 'object' || value === null || Array.isArray(value)) throw this.#damaged(column)
    return value as Metadata
  }

  json(column: string): unknown {
    try {
      return JSON.parse(this.text(column))
    } catch {
      throw this.#damaged(column)
    }
  }

  /** @throws {StoreUnavailableError} Unless the row was written by a version of the library that this one knows. */
  expectSchema(newest: number): void {
    if (this.integer('schema') > newest) throw this.#damaged('schema')
  }

  #damaged(column: string): StoreUnavailableError {
    return new StoreUnavailableError(`The store's ${this.#name} cannot be read: ${column} is damaged or too new.`)
  }
}

/** A column's text, whether the driver returns strings or bytes; `undefined` for anything else. */
export function textOf(value: unknown): string | undefined {
  if (typeof value === 'string') return value
  if (!(value instanceof Uint8Array)) return undefined
  try {
    return utf8.decode(value)
  } catch {
    return undefined
  }
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** At least a quarter of the bytes of UTF-8 are characters. */
function charactersOf(value: unknown): number {
  if (typeof value === 'string') return value.length
  return value instanceof Uint8Array ? value.byteLength / 4 : 0
}
