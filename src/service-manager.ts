/**
 * Tells systemd how the server is (sd_notify(3)), where it was started by it. There are no datagram sockets on Unix paths here, so
 * systemd's own program speaks for us.
 */
import { spawn } from 'node:child_process'

export interface ServiceManager {
  /** Everything is served. From now on the watchdog, if any, is notified that we are alive. */
  ready(): void
  /** The orderly end has begun. */
  stopping(): void
}

const program = 'systemd-notify'

/** `env` is that of the process. Does nothing when there is no service manager. */
export function newServiceManager(env: NodeJS.ProcessEnv = process.env): ServiceManager {
  if (!env['NOTIFY_SOCKET']) return { ready() {}, stopping() {} }
  const tell = (...args: readonly string[]) => {
    spawn(program, [...args], { stdio: 'ignore' }).on('error', () => {})
  }
  const watchdogMs = Number(env['WATCHDOG_USEC'] ?? 0) / 1000
  return {
    ready() {
      tell('--ready', `--pid=${process.pid}`)
      // A loop that hangs tells nothing, and that is the point.
      if (watchdogMs > 0) setInterval(() => tell('WATCHDOG=1'), watchdogMs / 3).unref()
    },
    stopping: () => tell('STOPPING=1'),
  }
}
