/**
 * Runs `work` on all, which are asked for as they are needed, at most `limit` at once. Rejects with the first failure, after
 * those that run have ended.
 */
export async function inParallel<T>(
  limit: number,
  all: Iterable<T>,
  work: (one: T) => Promise<void> | void,
): Promise<void> {
  const queue = all[Symbol.iterator]()
  const failures: unknown[] = []
  const workers = Array.from({ length: limit }, async () => {
    while (failures.length === 0) {
      try {
        const next = queue.next()
        if (next.done) return
        await work(next.value)
      } catch (error) {
        failures.push(error)
      }
    }
  })
  await Promise.all(workers)
  if (failures.length > 0) throw failures[0]
}
