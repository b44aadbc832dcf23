/**
 * A time as clients of the repair know it, `2019-07-30 13:05:27.268876334 +0000 UTC`: to the nanosecond,
 * trailing zeros left out. A text that is no time is the zero time.
 */
export function goTime(iso: string): string {
  const [, seconds = '', fraction = '', zone = 'Z'] =
    /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9})\d*)?(Z|[+-]\d\d:\d\d)$/i.exec(iso) ?? []
  const time = Date.parse(seconds + zone)
  if (Number.isNaN(time)) return '0001-01-01 00:00:00 +0000 UTC'
  const digits = fraction.replace(/0+$/, '')
  const utc = new Date(time).toISOString().slice(0, 19).replace('T', ' ')
  return `${utc}${digits === '' ? '' : `.${digits}`} +0000 UTC`
}
