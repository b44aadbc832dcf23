/** Runs `work` on all, at most `limit` at once. Rejects with the first failure, after those that run have ended. */
export async function inParallel<T>(
  limit: number,
  all: readonly T[],
  work: (one: T) => Promise<void> | void,
): Promise<void> {
  const queue = all.values()
  const failures: unknown[] = []
  const workers = Array.from({ length: Math.min(limit, all.length) }, async () => {
    for (const one of queue) {
      if (failures.length > 0) return
      try {
        await work(one)
      } catch (error) {
        failures.push(error)
      }
    }
  })
  await Promise.all(workers)
  if (failures.length > 0) throw failures[0]
}
