/**
 * Reads what Linux says in /proc, as proc(5) has it. Kernels differ: lines come and go, keys are added, spaces are
 * missing. Nothing here fails because of a line that is not known.
 */

/** `Name:   123 kB` lines as bytes; values without a unit as they are. */
export function parseMeminfo(text: string): ReadonlyMap<string, number> {
  const values = new Map<string, number>()
  for (const line of text.split('\n')) {
    const [, name, digits, unit] = /^([^:]+):\s*(\d+)\s*(kB)?/.exec(line) ?? []
    if (name !== undefined) values.set(name.trim(), Number(digits) * (unit === undefined ? 1 : 1024))
  }
  return values
}

/** Times of one processor, or of all, in ticks. */
export interface CpuTimes {
  readonly total: number
  readonly idle: number
  readonly iowait: number
  readonly steal: number
  /** By node_exporter's names of the modes. */
  readonly modes: Readonly<Record<string, number>>
}

const modes = ['user', 'nice', 'system', 'idle', 'iowait', 'irq', 'softirq', 'steal'] as const

/** The `cpu` lines of /proc/stat: `cpu` is all of them, `cpu0` and so on those that are online. */
export function parseCpus(text: string): ReadonlyMap<string, CpuTimes> {
  const cpus = new Map<string, CpuTimes>()
  for (const line of text.split('\n')) {
    if (!line.startsWith('cpu')) continue
    const [name = '', ...numbers] = line.trim().split(/\s+/)
    // Time of guests is in user and nice already.
    const times = Object.fromEntries(modes.map((mode, at) => [mode, Number(numbers[at] ?? 0)]))
    const total = Object.values(times).reduce((sum, value) => sum + value, 0)
    cpus.set(name, {
      total,
      idle: times['idle'] ?? 0,
      iowait: times['iowait'] ?? 0,
      steal: times['steal'] ?? 0,
      modes: times,
    })
  }
  return cpus
}

/** Other single numbers of /proc/stat, /proc/vmstat and cgroup files: `name value` lines. */
export function parseNamed(text: string): ReadonlyMap<string, number> {
  const values = new Map<string, number>()
  for (const line of text.split('\n')) {
    const [, name, digits] = /^(\S+)[ \t]+(\d+)\b/.exec(line) ?? []
    if (name !== undefined) values.set(name, Number(digits))
  }
  return values
}

/** Three load averages; `undefined` when the text is something else. */
export function parseLoad(text: string): readonly [number, number, number] | undefined {
  const [, one, five, fifteen] = /^([\d.]+) ([\d.]+) ([\d.]+)/.exec(text) ?? []
  return one === undefined ? undefined : [Number(one), Number(five), Number(fifteen)]
}

export interface Pressure {
  readonly avg10: number
  readonly avg60: number
  readonly avg300: number
  /** Microseconds. */
  readonly total: number
}

/** `some` and `full` of a file of /proc/pressure; `null` when it holds neither. */
export function parsePressure(text: string): { readonly some?: Pressure; readonly full?: Pressure } | null {
  const found: { some?: Pressure; full?: Pressure } = {}
  for (const line of text.split('\n')) {
    const [, kind, avg10, avg60, avg300, total] =
      /^(some|full) avg10=([\d.]+) avg60=([\d.]+) avg300=([\d.]+) total=(\d+)/.exec(line) ?? []
    if (kind !== 'some' && kind !== 'full') continue
    found[kind] = { avg10: Number(avg10), avg60: Number(avg60), avg300: Number(avg300), total: Number(total) }
  }
  return found.some === undefined && found.full === undefined ? null : found
}

export interface Mount {
  readonly mountpoint: string
  readonly type: string
  readonly source: string
  /** `major:minor`. */
  readonly device: string
  readonly readOnly: boolean
}

const pseudoTypes = new Set(
  (
    'autofs binfmt_misc bpf cgroup cgroup2 configfs debugfs devpts devtmpfs efivarfs fuse.gvfsd-fuse fuse.lxcfs fusectl hugetlbfs iso9660 ' +
    'mqueue nsfs overlay proc procfs pstore ramfs rpc_pipefs securityfs selinuxfs squashfs sysfs tmpfs tracefs'
  ).split(' '),
)

/** The file systems that hold data, each device once: the first of its mounts. */
export function parseMounts(text: string): Mount[] {
  const mounts: Mount[] = []
  const seen = new Set<string>()
  for (const line of text.split('\n')) {
    // Optional fields stand before the dash, any number of them.
    const [left = '', right] = line.split(' - ')
    const [, , device, , mountpoint, options] = left.split(' ')
    const [type, source, superOptions = ''] = (right ?? '').split(' ')
    if (device === undefined || mountpoint === undefined || type === undefined || source === undefined) continue
    if (pseudoTypes.has(type) || seen.has(device)) continue
    seen.add(device)
    const readOnly = [...(options ?? '').split(','), ...superOptions.split(',')].includes('ro')
    mounts.push({ mountpoint: unescaped(mountpoint), type, source: unescaped(source), device, readOnly })
  }
  return mounts
}

export interface DiskCounters {
  readonly reads: number
  readonly readBytes: number
  readonly writes: number
  readonly writtenBytes: number
  /** Milliseconds with at least one request under way. */
  readonly busyMs: number
}

/** Whole disks of /proc/diskstats: no partitions, no loops, no RAM disks. A sector is 512 bytes there, whatever the disk says. */
export function parseDisks(text: string): ReadonlyMap<string, DiskCounters> {
  const disks = new Map<string, DiskCounters>()
  for (const line of text.split('\n')) {
    const [, , name, ...counts] = line.trim().split(/\s+/)
    if (name === undefined || counts.length < 10 || isPart(name)) continue
    const number = (at: number) => Number(counts[at] ?? 0)
    disks.set(name, {
      reads: number(0),
      readBytes: number(2) * 512,
      writes: number(4),
      writtenBytes: number(6) * 512,
      busyMs: number(9),
    })
  }
  return disks
}

function isPart(name: string): boolean {
  if (/^(ram|loop|fd|sr|zram)\d/.test(name)) return true
  return /^(?:(?:[shv]|xv)d[a-z]+\d+|(?:nvme\d+n\d+|mmcblk\d+|md\d+)p\d+)$/.test(name)
}

export interface NetworkCounters {
  readonly receivedBytes: number
  readonly receiveErrors: number
  readonly sentBytes: number
  readonly sendErrors: number
}

/** /proc/net/dev, without the loopback. The first number may follow the colon without a space. */
export function parseNetwork(text: string): ReadonlyMap<string, NetworkCounters> {
  const found = new Map<string, NetworkCounters>()
  for (const line of text.split('\n')) {
    const [, name, rest] = /^\s*([^\s:|]+(?::\d+)?):\s*(\d.*)$/.exec(line) ?? []
    if (name === undefined || name === 'lo') continue
    const numbers = (rest ?? '').trim().split(/\s+/).map(Number)
    const number = (at: number) => numbers[at] ?? 0
    found.set(name, {
      receivedBytes: number(0),
      receiveErrors: number(2),
      sentBytes: number(8),
      sendErrors: number(10),
    })
  }
  return found
}

export interface ProcessFacts {
  readonly name: string
  readonly state: string
  /** User and system time in ticks. */
  readonly ticks: number
}

/** /proc/PID/stat. The name may hold anything, brackets too: the last one ends it. */
export function parseProcess(text: string): ProcessFacts | undefined {
  const open = text.indexOf('(')
  const close = text.lastIndexOf(')')
  if (open < 0 || close < open) return undefined
  const rest = text.slice(close + 2).split(' ')
  return {
    name: text.slice(open + 1, close),
    state: rest[0] ?? '?',
    ticks: Number(rest[11] ?? 0) + Number(rest[12] ?? 0),
  }
}

/** Space, tab, backslash and line break are octal in lists of mounts. */
function unescaped(text: string): string {
  return text.replaceAll(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)))
}
