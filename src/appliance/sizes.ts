/** Sizes as the tools write them that people compare them with. */

/** As `df -h` writes it: the next smaller unit below 1024, one decimal below 10, rounded up. */
export function dfSize(bytes: number): string {
  const units = ['', 'K', 'M', 'G', 'T', 'P']
  let value = bytes
  let unit = 0
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024
    unit += 1
  }
  if (unit === 0) return `${Math.ceil(value)}`
  const tenths = Math.ceil(value * 10)
  if (tenths < 100) return `${(tenths / 10).toFixed(1)}${units[unit]}`
  const whole = Math.ceil(value)
  return whole >= 1024 && unit < units.length - 1 ? `1.0${units[unit + 1]}` : `${whole}${units[unit]}`
}

/** As busybox's `du -h` writes it: at least kilobytes, one decimal always, rounded half up. */
export function duSize(bytes: number): string {
  const units = ['K', 'M', 'G', 'T', 'P']
  let value = bytes / 1024
  let unit = 0
  while (Math.floor(value * 10 + 0.5) / 10 >= 1024 && unit < units.length - 1) {
    value /= 1024
    unit += 1
  }
  return `${(Math.floor(value * 10 + 0.5) / 10).toFixed(1)}${units[unit]}`
}
