import { spawn } from 'node:child_process'

/**
 * Cleans up after a test run that ends in whatever way, SIGKILL included: a shell waits until this process is gone, ends
 * the given one (TERM, then KILL after 15 s) and removes its folder. `release` calls it off.
 */
export function guard(pid: number, folder: string): { release(): void } {
  const script = [
    `while kill -0 ${process.pid} 2>/dev/null; do sleep 0.5; done`,
    `kill -TERM ${pid} 2>/dev/null`,
    `n=0; while kill -0 ${pid} 2>/dev/null && [ $n -lt 30 ]; do sleep 0.5; n=$((n+1)); done`,
    `kill -KILL ${pid} 2>/dev/null`,
    'rm -rf "$1"',
  ].join('; ')
  const child = spawn('sh', ['-c', script, 'guard', folder], { stdio: 'ignore', detached: true })
  child.unref()
  return { release: () => void child.kill('SIGKILL') }
}
