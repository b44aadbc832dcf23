/** Shows on a terminal that long work goes on; says nothing elsewhere. */
import { spinner } from '@clack/prompts'

export interface Progress {
  /** What has been done so far, in words. */
  say(text: string): void
  end(text: string): void
}

const silent: Progress = { say() {}, end() {} }

/** Begins to show. Everything goes to standard error: standard output is for data. */
export function showProgress(text: string): Progress {
  if (!process.stderr.isTTY) return silent
  const shown = spinner({ output: process.stderr })
  shown.start(text)
  return { say: (now) => shown.message(now), end: (now) => shown.stop(now) }
}
