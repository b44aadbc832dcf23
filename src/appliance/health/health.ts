/** The health of the machine: the documented sample, and everything else that can be measured. */
import { newDetail } from './detail.ts'
import { type FileSystem, newFileSystems } from './file-systems.ts'
import { type DiskBlocks, type HealthSample, statfsBlocks, takeSample } from './sample.ts'
import { newSampler, type Sampler } from './sampler.ts'

export interface Health {
  /** `undefined` when nothing can be measured. */
  sample(): Promise<HealthSample | undefined>
  /** The sample and all the rest, at most a few seconds old. */
  detail(): Promise<object | undefined>
  readonly sampler: Sampler
  fileSystems(): Promise<FileSystem[]>
  close(): void
}

export interface HealthOptions {
  readonly proc: string
  readonly sys: string
  /** Where the data is. */
  readonly disk: string
  readonly blocksOf?: ((path: string) => Promise<DiskBlocks>) | undefined
  /** Members that others add. */
  readonly more?: () => Promise<object>
}

const cacheMs = 5_000
/** From where existing dashboards turn red. */
const critical = { disk: 98, memory: 90 }

/** Opens the measuring. Nothing runs in the background until details are requested. */
export function openHealth(options: HealthOptions): Health {
  const { proc, sys, disk, blocksOf = statfsBlocks, more = async () => ({}) } = options
  const sampler = newSampler(proc)
  const fileSystems = newFileSystems(proc, blocksOf)
  const detail = newDetail({ proc, sys, sampler, fileSystems })
  const sample = () => takeSample({ proc, disk, blocksOf: (path) => soon(blocksOf(path)) })
  let cached: { at: number; value: Promise<object | undefined> } | undefined

  async function measure(): Promise<object | undefined> {
    const [short, rest, others] = await Promise.all([sample(), detail(), more()])
    return short && { ...short, ...judge(short), ...rest, ...others }
  }

  return {
    sample,
    sampler,
    fileSystems: () => fileSystems().catch(() => []),
    detail() {
      if (cached === undefined || Date.now() - cached.at > cacheMs) cached = { at: Date.now(), value: measure() }
      return cached.value
    },
    close: () => sampler.stop(),
  }
}

function judge({ disk, memory, cpu }: HealthSample): { status: 'ok' | 'warn' | 'crit'; reasons: string[] } {
  const reasons: string[] = []
  let crit = false
  const check = (what: string, value: number | undefined, limit: number) => {
    if (value === undefined || value < limit * 0.9) return
    if (value >= limit) crit = true
    reasons.push(`${what} ${value} of ${limit}`)
  }
  check('disk percentage', disk?.percentage, critical.disk)
  check('memory percentage', memory?.percentage, critical.memory)
  if (cpu !== undefined && cpu.cpu5min >= cpu.num) {
    crit = true
    reasons.push(`load ${cpu.cpu5min} of ${cpu.num}`)
  }
  return { status: crit ? 'crit' : reasons.length > 0 ? 'warn' : 'ok', reasons }
}

/** A disk that does not answer is not waited for. */
function soon<T>(question: Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error('the disk does not answer')), 2_000)
  })
  return Promise.race([question, late]).finally(() => clearTimeout(timer))
}
