import { crc32, deflateSync, inflateSync } from 'node:zlib'

const SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])
const COLOURS = 256

/**
 * Makes a picture of a screen smaller: of its colours, the 256 that most pixels have are kept, and every other becomes the
 * nearest of them.
 *
 * @param png - A PNG of 8-bit RGB or RGBA, as browsers make it; what is transparent becomes opaque.
 */
export function smallPng(png: Buffer): Buffer {
  const { width, height, pixels } = decode(png)
  const counts = new Map<number, number>()
  for (const pixel of pixels) counts.set(pixel, (counts.get(pixel) ?? 0) + 1)
  const palette = [...counts]
    .sort(([, one], [, other]) => other - one)
    .slice(0, COLOURS)
    .map(([colour]) => colour)
  const places = new Map(palette.map((colour, index) => [colour, index]))
  const rows = Buffer.alloc((width + 1) * height)
  pixels.forEach((pixel, at) => {
    let place = places.get(pixel)
    if (place === undefined) {
      place = nearest(palette, pixel)
      places.set(pixel, place)
    }
    rows[Math.floor(at / width) * (width + 1) + 1 + (at % width)] = place
  })
  const header = Buffer.alloc(13)
  header.writeUInt32BE(width, 0)
  header.writeUInt32BE(height, 4)
  header.set([8, 3, 0, 0, 0], 8)
  const colours = Buffer.from(palette.flatMap((colour) => [colour >> 16, (colour >> 8) & 255, colour & 255]))
  return Buffer.concat([
    SIGNATURE,
    chunk('IHDR', header),
    chunk('PLTE', colours),
    chunk('IDAT', deflateSync(rows, { level: 9 })),
    chunk('IEND', Buffer.alloc(0)),
  ])
}

function decode(png: Buffer): { readonly width: number; readonly height: number; readonly pixels: Uint32Array } {
  const width = png.readUInt32BE(16)
  const height = png.readUInt32BE(20)
  const channels = png[25] === 6 ? 4 : 3
  if (png[24] !== 8 || (png[25] !== 2 && png[25] !== 6)) throw new Error('smallPng reads 8-bit RGB and RGBA only.')
  const parts: Buffer[] = []
  for (let at = 8; at < png.length; ) {
    const length = png.readUInt32BE(at)
    if (png.toString('latin1', at + 4, at + 8) === 'IDAT') parts.push(png.subarray(at + 8, at + 8 + length))
    at += length + 12
  }
  const raw = inflateSync(Buffer.concat(parts))
  const stride = width * channels
  const pixels = new Uint32Array(width * height)
  let before = Buffer.alloc(stride)
  for (let y = 0; y < height; y++) {
    const from = y * (stride + 1)
    const line = Buffer.from(raw.subarray(from + 1, from + 1 + stride))
    unfilter(raw[from] ?? 0, line, before, channels)
    for (let x = 0; x < width; x++)
      pixels[y * width + x] =
        ((line[x * channels] ?? 0) << 16) | ((line[x * channels + 1] ?? 0) << 8) | (line[x * channels + 2] ?? 0)
    before = line
  }
  return { width, height, pixels }
}

/** Undoes the filter of a row (PNG, third edition, section 9.2). */
function unfilter(kind: number, line: Buffer, before: Buffer, channels: number): void {
  for (let at = 0; at < line.length; at++) {
    const left = at < channels ? 0 : (line[at - channels] ?? 0)
    const above = before[at] ?? 0
    const corner = at < channels ? 0 : (before[at - channels] ?? 0)
    const added = [0, left, above, (left + above) >> 1, paeth(left, above, corner)][kind] ?? 0
    line[at] = ((line[at] ?? 0) + added) & 255
  }
}

function paeth(left: number, above: number, corner: number): number {
  const guess = left + above - corner
  const [byLeft, byAbove, byCorner] = [left, above, corner].map((each) => Math.abs(guess - each)) as [
    number,
    number,
    number,
  ]
  if (byLeft <= byAbove && byLeft <= byCorner) return left
  return byAbove <= byCorner ? above : corner
}

function nearest(palette: readonly number[], pixel: number): number {
  let best = 0
  let least = Number.POSITIVE_INFINITY
  palette.forEach((colour, index) => {
    const [red, green, blue] = [16, 8, 0].map((shift) => ((colour >> shift) & 255) - ((pixel >> shift) & 255)) as [
      number,
      number,
      number,
    ]
    const distance = red * red + green * green + blue * blue
    if (distance < least) {
      least = distance
      best = index
    }
  })
  return best
}

function chunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data])
  const whole = Buffer.alloc(body.length + 8)
  whole.writeUInt32BE(data.length, 0)
  body.copy(whole, 4)
  whole.writeUInt32BE(crc32(body), body.length + 4)
  return whole
}
