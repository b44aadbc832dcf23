/** Builds the MinIO server that tests run, unless there is one already. */
import { buildMinio, minioProgram } from './minio.ts'

try {
  console.log(`MinIO: ${findMinio() ?? buildMinio()}`)
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
}

/** In CI its absence is an error, which is removed here. */
function findMinio(): string | undefined {
  try {
    return minioProgram()
  } catch {
    return undefined
  }
}
