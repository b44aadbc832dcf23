/**
 * Named places between the steps of what must survive a crash. With `HEARTH_TEST_FAILPOINT=name` the process kills itself when it
 * gets there, with `name@3` when it gets there for the third time, which is how tests see every half-way state; an
 * absolute path instead is a file that holds the same, or nothing. `HEARTH_TEST_FAILPOINT_LOG` names a file that gets the
 * places passed.
 */
import { appendFileSync, existsSync, readFileSync } from 'node:fs'

const passed = new Map<string, number>()

/** Passes a place. */
export async function passFailpoint(place: string): Promise<void> {
  const { HEARTH_TEST_FAILPOINT: wanted, HEARTH_TEST_FAILPOINT_LOG: file } = process.env
  if (wanted === undefined && file === undefined) return
  if (file !== undefined) appendFileSync(file, `${place}\n`)
  const times = (passed.get(place) ?? 0) + 1
  passed.set(place, times)
  const [name, count = '1'] = wantedIn(wanted ?? '').split('@')
  if (name !== place || times < Number(count)) return
  process.kill(process.pid, 'SIGKILL')
  // The signal needs a moment; nothing may happen in it.
  await new Promise(() => {})
}

function wantedIn(text: string): string {
  if (!text.startsWith('/')) return text
  return existsSync(text) ? readFileSync(text, 'utf8').trim() : ''
}
