/**
 * Says whether bytes were signed by a public key: ECDSA on P-256 over SHA-256 (FIPS 186-5), with the signature as DER in
 * base64. What is no signature is none of this key's.
 *
 * @param pem - The public key as SubjectPublicKeyInfo in PEM (RFC 7468).
 * @throws When the public key is none.
 */
export async function isSignedBy(pem: string, signature: string, bytes: Uint8Array): Promise<boolean> {
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256' }
  const publicKey = await crypto.subtle.importKey('spki', readPem(pem), algorithm, false, ['verify'])
  const raw = readSignature(signature)
  if (raw === undefined) return false
  return crypto.subtle.verify({ name: 'ECDSA', hash: 'SHA-256' }, publicKey, raw, bytes as BufferSource)
}

const NUMBER_BYTES = 32

function readPem(pem: string): Uint8Array<ArrayBuffer> {
  return readBase64(pem.replaceAll(/-----(BEGIN|END) PUBLIC KEY-----|\s/g, ''))
}

/** Reads the two numbers of a DER signature (RFC 3279 section 2.2.3), in the form that Web Crypto takes. */
function readSignature(text: string): Uint8Array<ArrayBuffer> | undefined {
  if (!/^[0-9A-Za-z+/]{8,128}={0,2}$/.test(text)) return undefined
  try {
    const der = readBase64(text)
    if (der[0] !== 0x30 || der[1] !== der.length - 2) return undefined
    const first = readNumber(der, 2)
    const second = first && readNumber(der, first.end)
    if (first === undefined || second === undefined || second.end !== der.length) return undefined
    const raw = new Uint8Array(2 * NUMBER_BYTES)
    raw.set(first.bytes, NUMBER_BYTES - first.bytes.length)
    raw.set(second.bytes, 2 * NUMBER_BYTES - second.bytes.length)
    return raw
  } catch {
    return undefined
  }
}

/** Reads a DER integer from 0 to 2^256 - 1, without its leading zeros. */
function readNumber(der: Uint8Array, at: number): { readonly bytes: Uint8Array; readonly end: number } | undefined {
  const length = der[at + 1] ?? 0
  const end = at + 2 + length
  if (der[at] !== 0x02 || length === 0 || end > der.length) return undefined
  const whole = der.subarray(at + 2, end)
  const from = whole.findIndex((byte) => byte !== 0)
  const bytes = from < 0 ? whole.subarray(length) : whole.subarray(from)
  return bytes.length > NUMBER_BYTES ? undefined : { bytes, end }
}

function readBase64(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0))
}
