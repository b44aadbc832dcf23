/**
 * Makes paths distinct: a path that was used before gets a number in front of its extension, ` (2)` and so on. Remembers all of them.
 */
export function distinctNames(): (path: string) => string {
  const taken = new Set<string>()
  return (path) => {
    let free = path
    for (let number = 2; taken.has(free); number++) free = numbered(path, number)
    taken.add(free)
    return free
  }
}

function numbered(path: string, number: number): string {
  const slash = path.lastIndexOf('/')
  const dot = path.lastIndexOf('.')
  // A dot at the beginning of a name hides a file and starts no extension.
  const end = dot > slash + 1 ? dot : path.length
  return `${path.slice(0, end)} (${number})${path.slice(end)}`
}
