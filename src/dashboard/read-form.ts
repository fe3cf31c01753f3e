import type { Arrival } from '../manage/arrival.ts'

/** More than any form of the dashboard has: 64 kB. */
const MAX_FORM_BYTES = 65_536

/** Reads what a form sent, as `application/x-www-form-urlencoded`; `undefined` for anything else. */
export async function readForm(arrival: Arrival): Promise<URLSearchParams | undefined> {
  const [mediaType = ''] = (arrival.head.header('content-type') ?? '').split(';')
  if (mediaType.trim().toLowerCase() !== 'application/x-www-form-urlencoded') return undefined
  const bytes = await arrival.readBody(MAX_FORM_BYTES)
  return bytes && new URLSearchParams(new TextDecoder().decode(bytes))
}

/** Text of a field without space around it; the empty string where it is not there. */
export function field(form: URLSearchParams, name: string): string {
  return form.get(name)?.trim() ?? ''
}

/** Words of a field, each once: they may be parted by spaces, commas and line ends. */
export function words(text: string): string[] {
  return [...new Set(text.split(/[\s,]+/).filter((word) => word !== ''))]
}
