/** Adds up what the processes of one server counted. */
import { AggregatorRegistry, type Registry } from 'prom-client'

/** One metric with its values, as data. */
export type Counted = Awaited<ReturnType<Registry['getMetricsAsJSON']>>[number]

/** What one process counted. */
export interface Counts {
  /** `owner`, the worker's number, or `ended` for those that are no more. */
  readonly process: string
  readonly metrics: readonly Counted[]
}

/** The sum in Prometheus' text format, with the requests and the memory of each process beside it. */
export function sumText(prefix: string, all: readonly Counts[]): Promise<string> {
  const ofEach = (name: string, help: string, type: string, from: string) => {
    const values = all.map(({ process, metrics }) => ({ labels: { process }, value: totalOf(metrics, from) }))
    return { name, help, type, aggregator: 'sum', values } as unknown as Counted
  }
  const perProcess = [
    ofEach(
      `${prefix}_process_requests_total`,
      'Requests answered, by process.',
      'counter',
      `${prefix}_http_requests_total`,
    ),
    ofEach(
      `${prefix}_process_memory_bytes`,
      'Resident memory, by process.',
      'gauge',
      `${prefix}_process_resident_bytes`,
    ),
  ]
  return AggregatorRegistry.aggregate([...all.map(({ metrics }) => [...metrics]), perProcess]).metrics()
}

/** The part that only grows, added to what ended processes counted before: a sum that falls would look like a restart. */
export function addEnded(ended: readonly Counted[], metrics: readonly Counted[]): Promise<readonly Counted[]> {
  // Types are texts at run time, whatever the declarations say.
  const lasting = metrics.filter(({ type }) => ['counter', 'histogram'].includes(String(type)))
  return AggregatorRegistry.aggregate([[...ended], lasting]).getMetricsAsJSON()
}

function totalOf(metrics: readonly Counted[], name: string): number {
  const values = metrics.find((metric) => metric.name === name)?.values ?? []
  return values.reduce((sum, { value }) => sum + value, 0)
}
