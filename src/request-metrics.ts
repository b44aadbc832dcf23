/**
 * Counts requests and their duration. prom-client's own counters look their labels up again for every value, which cost a
 * small request a tenth of its time; here a request adds to plain numbers, and prom-client asks for them when it writes.
 */
import type { Metric, MetricValue, MetricValueWithName } from 'prom-client'

/** All requests of one listener, method and route. */
interface Times {
  readonly listener: string
  readonly method: string
  readonly route: string
  readonly byStatus: Map<number, number>
  /** For each bucket those that belong into it and no smaller one; one more for those above all. */
  readonly byBucket: number[]
  seconds: number
}

export interface RequestMetrics {
  /** For prom-client's registry. */
  readonly metrics: readonly Metric[]
  /** Counts one answered request. */
  count(listener: string, method: string, route: string, status: number, seconds: number): void
}

const knownMethods = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'COPY', 'OPTIONS'])

/** `buckets` are upper bounds in seconds, ascending. */
export function newRequestMetrics(prefix: string, buckets: readonly number[]): RequestMetrics {
  /** By route, method and listener: these texts exist already, a key made of them would have to be hashed each time. */
  const known = new Map<string, Map<string, Map<string, Times>>>()

  function newTimes(listener: string, method: string, route: string): Times {
    const times = { listener, method, route, byStatus: new Map(), byBucket: [...buckets, 0].fill(0), seconds: 0 }
    const ofRoute = known.get(route) ?? new Map<string, Map<string, Times>>()
    const ofMethod = ofRoute.get(method) ?? new Map<string, Times>()
    known.set(route, ofRoute)
    ofRoute.set(method, ofMethod)
    ofMethod.set(listener, times)
    return times
  }

  const all = () => [...known.values()].flatMap((one) => [...one.values()].flatMap((two) => [...two.values()]))

  return {
    metrics: [
      newMetric(`${prefix}_http_requests_total`, 'counter', 'Requests answered, by route pattern and status.', () =>
        all().flatMap(({ listener, method, route, byStatus }) =>
          [...byStatus].map(([status, value]) => ({ labels: { listener, method, route, status: `${status}` }, value })),
        ),
      ),
      newMetric(`${prefix}_http_request_duration_seconds`, 'histogram', 'Time until the answer began.', (name) =>
        all().flatMap((times) => histogramValues(name, buckets, times)),
      ),
    ],
    count(listener, method, route, status, seconds) {
      // Methods are the only part that a client can invent.
      const name = knownMethods.has(method) ? method : 'other'
      const times = known.get(route)?.get(name)?.get(listener) ?? newTimes(listener, name, route)
      times.byStatus.set(status, (times.byStatus.get(status) ?? 0) + 1)
      times.seconds += seconds
      let bucket = 0
      while (bucket < buckets.length && seconds > (buckets[bucket] ?? 0)) bucket += 1
      times.byBucket[bucket] = (times.byBucket[bucket] ?? 0) + 1
    },
  }
}

/** In the text format each bucket also counts what is in the smaller ones. */
function histogramValues(name: string, buckets: readonly number[], times: Times): MetricValueWithName<string>[] {
  const labels = { listener: times.listener, method: times.method, route: times.route }
  let count = 0
  const values: MetricValueWithName<string>[] = times.byBucket.map((inBucket, at) => {
    count += inBucket
    return { metricName: `${name}_bucket`, labels: { le: buckets[at] ?? '+Inf', ...labels }, value: count }
  })
  values.push({ metricName: `${name}_sum`, labels, value: times.seconds })
  values.push({ metricName: `${name}_count`, labels, value: count })
  return values
}

function newMetric(
  name: string,
  type: string,
  help: string,
  values: (name: string) => readonly MetricValue<string>[],
): Metric {
  const get = async () => ({ name, help, type, values: values(name), aggregator: 'sum' })
  // prom-client's types name its own classes only; what it calls is `name` and `get`.
  return { name, help, get, reset: () => {} } as unknown as Metric
}
