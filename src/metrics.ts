/** Counters and gauges of this process, and Prometheus' text format for them. */

export interface Metrics {
  /** Counts one answered request. `route` is the pattern, never the path: paths have no end and may be personal. */
  request(listener: string, method: string, route: string, status: number, seconds: number): void
  /** A value that is read whenever the metrics are asked for. `kind` counter for values that only grow. */
  observe(name: string, kind: 'counter' | 'gauge', help: string, read: () => number): void
  /** All of it in Prometheus' text format 0.0.4. */
  text(): string
}

interface Requests {
  readonly labels: string
  count: number
  seconds: number
}

interface Observed {
  readonly name: string
  readonly kind: 'counter' | 'gauge'
  readonly help: string
  readonly read: () => number
}

const knownMethods = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'COPY', 'OPTIONS'])

/** `prefix` leads every name: `hearth` gives `hearth_http_requests_total`. */
export function newMetrics(prefix: string): Metrics {
  const requests = new Map<string, Requests>()
  const observed: Observed[] = []
  return {
    request(listener, method, route, status, seconds) {
      // Methods are the only part that a client can invent.
      const known = knownMethods.has(method) ? method : 'other'
      const key = `${status}${known} ${listener}${route}`
      let entry = requests.get(key)
      if (entry === undefined) {
        const labels = `{listener="${listener}",method="${known}",route="${escaped(route)}",status="${status}"}`
        entry = { labels, count: 0, seconds: 0 }
        requests.set(key, entry)
      }
      entry.count += 1
      entry.seconds += seconds
    },
    observe(name, kind, help, read) {
      observed.push({ name, kind, help, read })
    },
    text() {
      const lines: string[] = []
      for (const { name, kind, help, read } of observed) {
        lines.push(...head(`${prefix}_${name}`, kind, help), `${prefix}_${name} ${read()}`)
      }
      const all = [...requests.values()]
      const total = `${prefix}_http_requests_total`
      lines.push(...head(total, 'counter', 'Requests answered, by route pattern and status.'))
      for (const { labels, count } of all) lines.push(`${total}${labels} ${count}`)
      const seconds = `${prefix}_http_request_seconds_total`
      lines.push(...head(seconds, 'counter', 'Time until the answer began, summed over those requests.'))
      for (const entry of all) lines.push(`${seconds}${entry.labels} ${entry.seconds.toFixed(6)}`)
      return `${lines.join('\n')}\n`
    },
  }
}

/** Registers what every process has: memory, processor time, start time, open handles of the event loop. */
export function observeProcess(metrics: Metrics): void {
  const started = Date.now() / 1000 - process.uptime()
  metrics.observe('process_resident_bytes', 'gauge', 'Resident memory.', () => process.memoryUsage.rss())
  metrics.observe('process_heap_bytes', 'gauge', 'Heap in use.', () => process.memoryUsage().heapUsed)
  metrics.observe('process_cpu_seconds_total', 'counter', 'Processor time, user and system.', () => {
    const { user, system } = process.cpuUsage()
    return (user + system) / 1e6
  })
  metrics.observe('process_start_time_seconds', 'gauge', 'Start time as Unix time.', () => Math.round(started))
}

function head(name: string, kind: string, help: string): string[] {
  return [`# HELP ${name} ${help}`, `# TYPE ${name} ${kind}`]
}

function escaped(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')
}
