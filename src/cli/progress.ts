/**
 * Shows the progress of long work on a terminal; prints nothing elsewhere. One line that is overwritten: the spinner of
 * @clack/prompts 1.9 takes the keyboard, and Ctrl-C ends the process with code 0 and without any clearing up.
 */
import { stripVTControlCharacters } from 'node:util'

export interface Progress {
  /** What has been done so far, in words. */
  say(text: string): void
  end(text: string): void
  /** It failed: what was shown is taken away. */
  clear(): void
}

const silent: Progress = { say() {}, end() {}, clear() {} }
const clearLine = '\r\x1b[2K'

/** Begins to show. Everything goes to standard error: standard output is for data. */
export function showProgress(text: string): Progress {
  const { stderr } = process
  if (!stderr.isTTY) return silent
  // A line that is wrapped cannot be written over.
  const cut = (words: string) => [...stripVTControlCharacters(words)].slice(0, (stderr.columns || 80) - 1).join('')
  const say = (words: string) => void stderr.write(clearLine + cut(words))
  say(text)
  return { say, end: (words) => void stderr.write(`${clearLine}${words}\n`), clear: () => void stderr.write(clearLine) }
}

/** Runs `work` while its progress is shown. `told` words the result at the end. */
export async function withProgress<T>(
  text: string,
  work: (progress: Progress) => Promise<T>,
  told: (result: T) => string,
): Promise<T> {
  const progress = showProgress(text)
  try {
    const result = await work(progress)
    progress.end(told(result))
    return result
  } catch (error) {
    progress.clear()
    throw error
  }
}

/** Bytes that pass, shown as a bar with their rate. */
export class ByteProgress {
  readonly #progress: Pick<Progress, 'say'>
  readonly #text: string
  readonly #of: number | undefined
  readonly #atFirst: number
  readonly #beganMs = Date.now()
  #done: number
  #shownMs = 0

  /** `of`: bytes at the end, where it is known. `done`: bytes that were there before. */
  constructor(progress: Pick<Progress, 'say'>, text: string, of: number | undefined, done = 0) {
    this.#progress = progress
    this.#text = text
    this.#of = of
    this.#done = done
    this.#atFirst = done
  }

  add(bytes: number): void {
    this.set(this.#done + bytes)
  }

  set(done: number): void {
    this.#done = done
    const time = Date.now()
    // Faster updates could not be read.
    if (time - this.#shownMs < 100) return
    this.#shownMs = time
    const seconds = (time - this.#beganMs) / 1000
    const perSecond = seconds < 1 ? undefined : Math.max(0, done - this.#atFirst) / seconds
    this.#progress.say(`${this.#text} ${amountText(done, this.#of, perSecond)}`)
  }
}

const barCells = 20

/** For example `█████░░░░░  25 %  1.0 of 4.0 GB, 80 MB/s, 38 s left`. */
export function amountText(done: number, of: number | undefined, perSecond: number | undefined): string {
  const rate = perSecond === undefined ? '' : `, ${bytesText(perSecond)}/s`
  if (of === undefined || of <= 0) return `${bytesText(done)}${rate}`
  const part = Math.min(1, done / of)
  const full = Math.floor(part * barCells)
  const bar = '█'.repeat(full) + '░'.repeat(barCells - full)
  const left = perSecond ? `, ${timeText((of - done) / perSecond)} left` : ''
  return `${bar} ${`${Math.floor(part * 100)}`.padStart(3)} %  ${bytesText(done)} of ${bytesText(of)}${rate}${left}`
}

const units = ['kB', 'MB', 'GB', 'TB']

/** A number of bytes with a unit, by thousands. */
export function bytesText(bytes: number): string {
  if (bytes < 1000) return `${Math.round(bytes)} B`
  const power = Math.min(units.length, Math.floor(Math.log10(bytes) / 3))
  const value = bytes / 1000 ** power
  return `${value < 10 ? value.toFixed(1) : Math.round(value)} ${units[power - 1]}`
}

function timeText(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds))
  if (whole < 60) return `${whole} s`
  return whole < 3600 ? `${Math.round(whole / 60)} min` : `${(whole / 3600).toFixed(1)} h`
}
