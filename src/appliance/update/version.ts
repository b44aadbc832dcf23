/** Semantic versions (semver.org 2.0.0), and which is newer. */

export interface Version {
  readonly numbers: readonly [number, number, number]
  readonly pre: readonly string[]
}

const pattern = /^v?(\d{1,9})\.(\d{1,9})\.(\d{1,9})(?:-([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?(?:\+[0-9A-Za-z.-]+)?$/

/** `undefined` for what is not a version. */
export function parseVersion(text: string | undefined): Version | undefined {
  const [, major, minor, patch, pre] = pattern.exec(text?.trim() ?? '') ?? []
  if (major === undefined) return undefined
  return { numbers: [Number(major), Number(minor), Number(patch)], pre: pre?.split('.') ?? [] }
}

/** Below 0 when `one` is older, above when it is newer. Build metadata do not count. */
export function compareVersions(one: Version, other: Version): number {
  for (const at of [0, 1, 2] as const) {
    const difference = one.numbers[at] - other.numbers[at]
    if (difference !== 0) return difference
  }
  // A release is newer than what led to it.
  if (one.pre.length === 0 || other.pre.length === 0) return other.pre.length - one.pre.length
  for (let at = 0; at < Math.max(one.pre.length, other.pre.length); at++) {
    const difference = compareParts(one.pre[at], other.pre[at])
    if (difference !== 0) return difference
  }
  return 0
}

function compareParts(one: string | undefined, other: string | undefined): number {
  if (one === undefined || other === undefined) return one === undefined ? -1 : 1
  const [left, right] = [one, other].map((part) => (/^\d+$/.test(part) ? Number(part) : undefined))
  if (left !== undefined && right !== undefined) return left - right
  if (left !== undefined || right !== undefined) return left === undefined ? 1 : -1
  return one < other ? -1 : one > other ? 1 : 0
}
