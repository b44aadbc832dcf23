import type { WriteOutcome } from '../../src/documents/service.ts'
import { documentConflict, frameworkProblem, missingDocument } from './errors.ts'

export interface Written {
  readonly id: string
  readonly rev: string
  /** As in `WriteOutcome`. */
  readonly text?: string
}

/** The id and revision of a write that worked; throws what the data API answers for every other outcome. */
export function written(type: string, outcome: WriteOutcome): Written {
  switch (outcome.kind) {
    case 'ok':
      return outcome
    case 'conflict':
      throw documentConflict()
    case 'forbidden':
      throw frameworkProblem('forbidden', outcome.reason)
    default:
      throw missingDocument(type, outcome.id, outcome.kind)
  }
}
