/**
 * Structured logs through logtape: one line per event on standard error, text for people and JSON for machines. Nothing
 * secret may pass: members whose name says so and credentials inside URLs are hidden here, as the last line of defence.
 */
import { configureSync, getLogger, type LogRecord } from '@logtape/logtape'

/** What a line may carry beside its event. */
export type LogDetail = Readonly<Record<string, unknown>>

/**
 * A log. `event` is a short constant phrase; everything that varies belongs into `detail`. An `Error` is written with
 * its stack and its causes.
 */
export interface Log {
  debug(event: string, detail?: LogDetail): void
  info(event: string, detail?: LogDetail): void
  warning(event: string, detail?: LogDetail): void
  error(event: string, detail?: LogDetail): void
  /** The same log, with `detail` on every line. */
  with(detail: LogDetail): Log
}

export const logLevels = ['debug', 'info', 'warning', 'error'] as const
export type LogLevel = (typeof logLevels)[number]
export const logFormats = ['auto', 'text', 'json'] as const
export type LogFormat = (typeof logFormats)[number]

export interface LogOptions {
  readonly level: LogLevel
  /** `auto`: text when `terminal`, else JSON lines. */
  readonly format: LogFormat
  readonly terminal: boolean
  /** Takes one whole line, line end included. */
  readonly write: (line: string) => void
}

/** Opens the process's log. Logtape keeps one configuration per process: a second call replaces the first. */
export function openLog({ level, format, terminal, write }: LogOptions): Log {
  const line = format === 'text' || (format === 'auto' && terminal) ? textLine : jsonLine
  configureSync({
    reset: true,
    sinks: { hearth: (record: LogRecord) => write(line(record)) },
    loggers: [
      { category: 'hearth', sinks: ['hearth'], lowestLevel: level },
      { category: ['logtape', 'meta'], sinks: ['hearth'], lowestLevel: 'warning' },
    ],
  })
  return wrap(getLogger('hearth'), {})
}

/** A log that drops everything, for tests and one-shot commands. */
export const silentLog: Log = {
  debug() {},
  info() {},
  warning() {},
  error() {},
  with: () => silentLog,
}

function wrap(logger: ReturnType<typeof getLogger>, fixed: LogDetail): Log {
  const merge = (detail: LogDetail | undefined) => ({ ...fixed, ...detail })
  return {
    debug: (event, detail) => logger.debug(event, merge(detail)),
    info: (event, detail) => logger.info(event, merge(detail)),
    warning: (event, detail) => logger.warning(event, merge(detail)),
    error: (event, detail) => logger.error(event, merge(detail)),
    with: (detail) => wrap(logger, merge(detail)),
  }
}

function jsonLine(record: LogRecord): string {
  const detail = redact(record.properties) as Record<string, unknown>
  return `${JSON.stringify({ time: new Date(record.timestamp).toISOString(), level: record.level, event: event(record), ...detail })}\n`
}

function textLine(record: LogRecord): string {
  const time = new Date(record.timestamp).toISOString().slice(11, 23)
  let line = `${time} ${record.level.padEnd(7)} ${event(record)}`
  for (const [name, value] of Object.entries(redact(record.properties) as object)) {
    if (value === undefined) continue
    const stack = typeof value === 'object' && value !== null && 'stack' in value ? value.stack : undefined
    line += stack === undefined ? ` ${name}=${shown(value)}` : `\n  ${name}: ${String(stack).replaceAll('\n', '\n  ')}`
  }
  return `${line}\n`
}

/** The template as it was written: braces in an event are text, not places for values. */
function event(record: LogRecord): string {
  return typeof record.rawMessage === 'string' ? record.rawMessage : record.rawMessage.join('')
}

function shown(value: unknown): string {
  return typeof value === 'string' && /^[^\s"=]+$/.test(value) ? value : JSON.stringify(value)
}

const secretName = /pass(word|phrase|wd)|token|secret|authorization|cookie|credential/i

/** A copy fit for a log: plain JSON, errors spelled out, secrets replaced by `[hidden]`. */
export function redact(value: unknown, depth = 0): unknown {
  if (typeof value === 'string') return redactText(value)
  if (typeof value === 'bigint') return value.toString()
  if (typeof value !== 'object' || value === null) return value
  if (depth > 4) return '[deep]'
  if (Array.isArray(value)) return value.map((item) => redact(item, depth + 1))
  if (value instanceof Error) return redactError(value, depth)
  const copy: Record<string, unknown> = {}
  for (const [name, item] of Object.entries(value)) {
    copy[name] = secretName.test(name) && item !== undefined ? '[hidden]' : redact(item, depth + 1)
  }
  return copy
}

function redactError(error: Error, depth: number): Record<string, unknown> {
  const copy: Record<string, unknown> = { message: redactText(error.message) }
  if ('code' in error && typeof error.code === 'string') copy['code'] = error.code
  if (error.stack !== undefined) copy['stack'] = redactText(error.stack)
  if (error.cause !== undefined) copy['cause'] = redact(error.cause, depth + 1)
  return copy
}

/** Hides the credentials in URLs, `bearer_token` in query strings and JSON web tokens wherever they stand. */
export function redactText(text: string): string {
  return text
    .replaceAll(/(\b[a-z][a-z0-9+.-]*:\/\/)[^/\s]+@/gi, '$1[hidden]@')
    .replaceAll(/(bearer_token=)[^&\s"']+/gi, '$1[hidden]')
    .replaceAll(/\beyJ[\w-]+\.[\w-]+\.[\w-]+/g, '[hidden]')
}
