/** What this process counts, in Prometheus' text format, by prom-client. */
import { type Aggregator, Counter, Gauge, Histogram, Registry } from 'prom-client'
import { type Counted, sumText } from './metrics-sum.ts'
import { alone, type Siblings } from './processes/siblings.ts'
import { newRequestMetrics } from './request-metrics.ts'

export interface Metrics {
  /** Counts one answered request. `route` is the pattern, never the path: paths have no end and may be personal. */
  request(listener: string, method: string, route: string, status: number, seconds: number): void
  /**
   * A value that is read whenever the metrics are asked for. `kind` counter for values that only grow. `together` says
   * what becomes of those of several processes: the sum if nothing else.
   */
  observe(name: string, kind: 'counter' | 'gauge', help: string, read: () => number, together?: Aggregator): void
  /**
   * Several values of the whole server that are read together, each with the value of one label. Nothing is shown while
   * `read` fails.
   */
  observeEach(name: string, help: string, label: string, read: () => Promise<Readonly<Record<string, number>>>): void
  /** How long something takes, by the value of one label and by its outcome. */
  timer(name: string, help: string, label: string): (value: string, outcome: 'ok' | 'error', seconds: number) => void
  /** All of it in Prometheus' text format 0.0.4, with what the other processes of this server counted added. */
  text(): Promise<string>
  /** What this process counted, as data for another one. */
  counts(): Promise<readonly Counted[]>
}

/** Upper bounds in seconds. */
const buckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]

/** `prefix` leads every name: `hearth` gives `hearth_http_requests_total`. */
export function newMetrics(prefix: string, siblings: Pick<Siblings, 'counts'> = alone): Metrics {
  const registry = new Registry()
  const registers = [registry]
  const requests = newRequestMetrics(prefix, buckets)
  for (const metric of requests.metrics) registry.registerMetric(metric)

  return {
    request: requests.count,
    observe(name, kind, help, read, together = 'sum') {
      const options = { name: `${prefix}_${name}`, help, registers, aggregator: together }
      if (kind === 'gauge') {
        new Gauge({
          ...options,
          collect() {
            this.set(read())
          },
        })
      } else {
        new Counter({
          ...options,
          collect() {
            this.reset()
            this.inc(Math.max(0, read()))
          },
        })
      }
    },
    observeEach(name, help, label, read) {
      new Gauge({
        name: `${prefix}_${name}`,
        help,
        labelNames: [label],
        registers,
        aggregator: 'first',
        async collect() {
          this.reset()
          const values = await read().catch(() => ({}))
          for (const [value, number] of Object.entries(values)) this.set({ [label]: value }, number)
        },
      })
    },
    timer(name, help, label) {
      const histogram = new Histogram({
        name: `${prefix}_${name}`,
        help,
        labelNames: [label, 'outcome'],
        buckets,
        registers,
      })
      return (value, outcome, seconds) => histogram.labels(value, outcome).observe(seconds)
    },
    async text() {
      const others = await siblings.counts()
      if (others.length === 0) return registry.metrics()
      return sumText(prefix, [{ process: 'owner', metrics: await registry.getMetricsAsJSON() }, ...others])
    },
    counts: () => registry.getMetricsAsJSON(),
  }
}

/** Registers what every process has: memory, processor time, start time. */
export function observeProcess(metrics: Metrics): void {
  const started = Date.now() / 1000 - process.uptime()
  metrics.observe('process_resident_bytes', 'gauge', 'Resident memory.', () => process.memoryUsage.rss())
  metrics.observe('process_heap_bytes', 'gauge', 'Heap in use.', () => process.memoryUsage().heapUsed)
  metrics.observe('process_cpu_seconds_total', 'counter', 'Processor time, user and system.', () => {
    const { user, system } = process.cpuUsage()
    return (user + system) / 1e6
  })
  const startHelp = 'Start time as Unix time.'
  metrics.observe('process_start_time_seconds', 'gauge', startHelp, () => Math.round(started), 'min')
}
