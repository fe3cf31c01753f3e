/**
 * Reads `Retry-After` (RFC 9110 section 10.2.3): whole seconds, or a date.
 *
 * @param now - Wall time in milliseconds; a date counts from it, one that has passed is 0 seconds.
 * @returns Seconds, rounded up; `null` when there is none that can be read.
 */
export function readRetryAfter(value: string | null, now: number): number | null {
  if (value === null) return null
  if (/^\d+$/.test(value)) return Number(value)
  // Only dates of HTTP: Date.parse would make something of "1.5" and "-1", too. The oldest form names no zone.
  if (!/^[A-Z][a-z]{2,8},? .*\d{2}:\d{2}:\d{2}/.test(value)) return null
  const at = Date.parse(value.endsWith('GMT') ? value : `${value} GMT`)
  return Number.isNaN(at) ? null : Math.max(0, Math.ceil((at - now) / 1_000))
}
