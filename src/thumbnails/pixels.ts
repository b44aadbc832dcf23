/** Pictures in memory: four bytes per pixel, row by row. */

export interface Pixels {
  readonly data: Uint8ClampedArray
  readonly width: number
  readonly height: number
}

/** Width and height that fit into a box without enlarging. */
export function fitted(
  { width, height }: { readonly width: number; readonly height: number },
  box: { readonly width: number; readonly height: number },
): { readonly width: number; readonly height: number } {
  const scale = Math.min(1, box.width / width, box.height / height)
  return { width: Math.max(1, Math.round(width * scale)), height: Math.max(1, Math.round(height * scale)) }
}

/**
 * Half as wide and high, each pixel the mean of four. Much faster and with much less memory than a resampler, which is then
 * only needed for the last step; colours count by their opacity.
 */
export function halved({ data, width, height }: Pixels): Pixels {
  const [outWidth, outHeight] = [width >> 1, height >> 1]
  const out = new Uint8ClampedArray(outWidth * outHeight * 4)
  const row = width * 4
  for (let y = 0, to = 0; y < outHeight; y += 1) {
    for (let x = 0, at = y * 2 * row; x < outWidth; x += 1, at += 8, to += 4) {
      const [a, b, c, d] = [data[at + 3], data[at + 7], data[at + row + 3], data[at + row + 7]] as [
        number,
        number,
        number,
        number,
      ]
      const sum = a + b + c + d
      out[to + 3] = (sum + 2) >> 2
      if (sum === 0) continue
      for (let n = 0; n < 3; n += 1) {
        const [p, q, r, s] = [data[at + n], data[at + 4 + n], data[at + row + n], data[at + row + 4 + n]] as [
          number,
          number,
          number,
          number,
        ]
        out[to + n] = sum === 1020 ? (p + q + r + s + 2) >> 2 : (p * a + q * b + r * c + s * d) / sum
      }
    }
  }
  return { data: out, width: outWidth, height: outHeight }
}

/** True for orientations that lie on their side. */
export function isTurned(orientation: number): boolean {
  return orientation >= 5
}

/** Turned upright, following EXIF's orientation. */
export function upright({ data, width, height }: Pixels, orientation: number): Pixels {
  if (orientation === 1) return { data, width, height }
  const turned = isTurned(orientation)
  const [outWidth, outHeight] = turned ? [height, width] : [width, height]
  const from = new Uint32Array(data.buffer, data.byteOffset, width * height)
  const to = new Uint32Array(width * height)
  const [right, bottom] = [width - 1, height - 1]
  for (let y = 0; y < outHeight; y += 1) {
    for (let x = 0; x < outWidth; x += 1) {
      let [sx, sy] = turned ? [y, x] : [x, y]
      if (orientation === 2 || orientation === 3 || orientation === 7 || orientation === 8) sx = right - sx
      if (orientation === 3 || orientation === 4 || orientation === 6 || orientation === 7) sy = bottom - sy
      to[y * outWidth + x] = from[sy * width + sx] ?? 0
    }
  }
  return { data: new Uint8ClampedArray(to.buffer), width: outWidth, height: outHeight }
}

export function hasAlpha({ data }: Pixels): boolean {
  for (let at = 3; at < data.length; at += 4) if (data[at] !== 255) return true
  return false
}
