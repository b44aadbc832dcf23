/** The health of the machine: the documented sample, and everything else that can be measured. */
import { type DiskBlocks, type HealthSample, takeSample } from './sample.ts'

export interface Health {
  /** `undefined` when nothing can be measured. */
  sample(): Promise<HealthSample | undefined>
  /** The sample and all the rest. */
  detail(): Promise<object | undefined>
}

export interface HealthOptions {
  readonly proc: string
  readonly sys: string
  /** Where the data is. */
  readonly disk: string
  readonly blocksOf?: ((path: string) => Promise<DiskBlocks>) | undefined
}

/** Opens the measuring. Nothing runs by itself until somebody asks for details. */
export function openHealth(options: HealthOptions): Health {
  return {
    sample: () => takeSample(options),
    detail: () => takeSample(options),
  }
}
