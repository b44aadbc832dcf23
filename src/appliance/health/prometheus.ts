/** The machine and the appliance in Prometheus' text format, under the names that dashboards for node_exporter know. */

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Counter, Gauge, Registry } from 'prom-client'
import type { FileSystem } from './file-systems.ts'
import { memoryOf } from './memory.ts'
import { parseLoad, parseMeminfo, parsePressure } from './proc.ts'
import type { Sampler } from './sampler.ts'

export interface ApplianceFacts {
  readonly version: string
  /** The last run of each procedure. */
  readonly procedures: Readonly<Record<string, { readonly status: string; readonly seconds?: number } | undefined>>
  readonly updatePercentage: number | undefined
  readonly authFailures: number
  /** Unix seconds. */
  readonly certificateEnds: number | undefined
  readonly lastBackup: number | undefined
  readonly services: ReadonlyMap<string, string>
  readonly fileSystems: readonly FileSystem[]
}

const ticksPerSecond = 100
const states = ['running', 'success', 'failed']

/** Renders everything as it is now. */
export function renderMetrics(proc: string, sampler: Sampler, facts: ApplianceFacts): Promise<string> {
  const registry = new Registry()
  type Labels = Readonly<Record<string, string>>
  const put = (
    kind: typeof Gauge | typeof Counter,
    name: string,
    help: string,
    values: readonly (readonly [Labels, number])[],
  ) => {
    const known = values.filter(([, value]) => Number.isFinite(value))
    if (known.length === 0) return
    const metric = new kind({ name, help, labelNames: Object.keys(known[0]?.[0] ?? {}), registers: [registry] })
    for (const [labels, value] of known) metric.inc(labels, value)
  }
  const gauge = (name: string, help: string, value: number | undefined, labels: Labels = {}) =>
    put(Gauge, name, help, value === undefined ? [] : [[labels, value]])

  const load = parseLoad(textOr(join(proc, 'loadavg')))
  for (const [at, minutes] of [1, 5, 15].entries())
    gauge(`node_load${minutes}`, `Load average of ${minutes} minutes.`, load?.[at])
  const meminfo = parseMeminfo(textOr(join(proc, 'meminfo')))
  for (const name of ['MemTotal', 'MemFree', 'Buffers', 'Cached', 'SwapTotal', 'SwapFree']) {
    gauge(`node_memory_${name}_bytes`, `${name} of /proc/meminfo.`, meminfo.get(name))
  }
  gauge('node_memory_MemAvailable_bytes', 'Memory that programs may still get.', memoryOf(meminfo)?.available)

  const look = sampler.last()
  const cpuSeconds = [...(look.cpus ?? [])]
    .filter(([name]) => name !== 'cpu')
    .flatMap(([name, { modes }]) =>
      Object.entries(modes).map(([mode, ticks]) => [{ cpu: name.slice(3), mode }, ticks / ticksPerSecond] as const),
    )
  put(Counter, 'node_cpu_seconds_total', 'Seconds that processors spent, by mode.', cpuSeconds)
  const disks = [...(look.disks ?? [])]
  put(
    Counter,
    'node_disk_read_bytes_total',
    'Bytes read.',
    disks.map(([device, one]) => [{ device }, one.readBytes]),
  )
  put(
    Counter,
    'node_disk_written_bytes_total',
    'Bytes written.',
    disks.map(([device, one]) => [{ device }, one.writtenBytes]),
  )
  put(
    Counter,
    'node_disk_reads_completed_total',
    'Reads.',
    disks.map(([device, one]) => [{ device }, one.reads]),
  )
  put(
    Counter,
    'node_disk_writes_completed_total',
    'Writes.',
    disks.map(([device, one]) => [{ device }, one.writes]),
  )
  put(
    Counter,
    'node_disk_io_time_seconds_total',
    'Seconds with requests under way.',
    disks.map(([device, one]) => [{ device }, one.busyMs / 1000]),
  )
  const network = [...(look.network ?? [])]
  put(
    Counter,
    'node_network_receive_bytes_total',
    'Bytes received.',
    network.map(([device, one]) => [{ device }, one.receivedBytes]),
  )
  put(
    Counter,
    'node_network_transmit_bytes_total',
    'Bytes sent.',
    network.map(([device, one]) => [{ device }, one.sentBytes]),
  )
  put(
    Counter,
    'node_network_receive_errs_total',
    'Errors of receiving.',
    network.map(([device, one]) => [{ device }, one.receiveErrors]),
  )
  put(
    Counter,
    'node_network_transmit_errs_total',
    'Errors of sending.',
    network.map(([device, one]) => [{ device }, one.sendErrors]),
  )
  for (const [file, kind, name] of [
    ['cpu', 'some', 'node_pressure_cpu_waiting_seconds_total'],
    ['io', 'some', 'node_pressure_io_waiting_seconds_total'],
    ['io', 'full', 'node_pressure_io_stalled_seconds_total'],
    ['memory', 'some', 'node_pressure_memory_waiting_seconds_total'],
    ['memory', 'full', 'node_pressure_memory_stalled_seconds_total'],
  ] as const) {
    const total = parsePressure(textOr(join(proc, 'pressure', file)))?.[kind]?.total
    put(Counter, name, `Seconds of waiting for ${file}.`, total === undefined ? [] : [[{}, total / 1e6]])
  }
  const labelsOf = ({ mountpoint, type }: FileSystem) => ({ mountpoint, fstype: type })
  const sized = (member: 'total' | 'available') =>
    facts.fileSystems.flatMap((one) => (one[member] === undefined ? [] : [[labelsOf(one), one[member]] as const]))
  put(Gauge, 'node_filesystem_size_bytes', 'Size of file systems.', sized('total'))
  put(Gauge, 'node_filesystem_avail_bytes', 'Space left for users other than root.', sized('available'))

  gauge('jido_build_info', 'The version of the machine.', 1, { version: facts.version })
  const runs = Object.entries(facts.procedures)
  put(
    Gauge,
    'jido_procedure_state',
    'The state of the last run.',
    runs.flatMap(([procedure, run]) =>
      states.map((state) => [{ procedure, state }, run?.status === state ? 1 : 0] as const),
    ),
  )
  put(
    Gauge,
    'jido_procedure_duration_seconds',
    'How long the last run took.',
    runs.flatMap(([procedure, run]) => (run?.seconds === undefined ? [] : [[{ procedure }, run.seconds] as const])),
  )
  gauge('jido_update_percentage', 'Progress of the last update.', facts.updatePercentage)
  put(Counter, 'jido_auth_failures_total', 'Requests whose hash did not match the token.', [[{}, facts.authFailures]])
  gauge('jido_certificate_not_after_seconds', 'When the certificate ends, as Unix time.', facts.certificateEnds)
  gauge('jido_backup_last_success_timestamp_seconds', 'When the last backup ended, as Unix time.', facts.lastBackup)
  put(
    Gauge,
    'jido_service_up',
    'Whether a service runs.',
    [...facts.services].map(([service, state]) => [{ service }, state === 'running' ? 1 : 0]),
  )
  return registry.metrics()
}

function textOr(path: string): string {
  try {
    return readFileSync(path, 'latin1')
  } catch {
    return ''
  }
}
