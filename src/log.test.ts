import { afterAll, describe, expect, test } from 'bun:test'
import { openLog, redact, redactText } from './log.ts'

let lines: string[] = []
const write = (line: string) => void lines.push(line)

function open(format: 'auto' | 'text' | 'json', terminal: boolean, level: 'debug' | 'info' = 'info') {
  lines = []
  return openLog({ level, format, terminal, write })
}

afterAll(() => void openLog({ level: 'error', format: 'json', terminal: false, write: () => {} }))

describe('format', () => {
  test('JSON lines when there is no terminal', () => {
    open('auto', false).with({ request: 'r1' }).warning('request failed', { status: 500, note: 'a b' })
    expect(lines).toHaveLength(1)
    const { time, ...rest } = JSON.parse(lines[0] ?? '')
    expect(new Date(time).getTime()).toBeGreaterThan(0)
    expect(rest).toEqual({ level: 'warning', event: 'request failed', request: 'r1', status: 500, note: 'a b' })
  })

  test('text on a terminal', () => {
    open('auto', true).info('started {x}', { port: 8080, note: 'a b' })
    expect(lines[0]).toMatch(/^\d\d:\d\d:\d\d\.\d{3} info {4}started \{x\} port=8080 note="a b"\n$/)
  })

  test('an error is written with its stack and cause', () => {
    const error = new Error('outer', { cause: new Error('inner') })
    open('json', true).error('failed', { error })
    const line = JSON.parse(lines[0] ?? '')
    expect(line.error.message).toBe('outer')
    expect(line.error.stack).toContain('log.test.ts')
    expect(line.error.cause.message).toBe('inner')
  })

  test('less important lines than the level are left out', () => {
    const log = open('json', false)
    log.debug('hidden')
    expect(lines).toEqual([])
    open('json', false, 'debug').debug('shown')
    expect(lines).toHaveLength(1)
  })
})

describe('secrets', () => {
  test.each([
    ['GET /data/x?bearer_token=abc.def&a=1', 'GET /data/x?bearer_token=[hidden]&a=1'],
    ['postgres://ada:pa@ss@db/h', 'postgres://[hidden]@db/h'],
    ['token eyJhbGciOiJIUzUxMiJ9.eyJhdWQiOiJjbGkifQ.c2lnbmF0dXJl end', 'token [hidden] end'],
    ['nothing here', 'nothing here'],
  ])('%s', (text, expected) => {
    expect(redactText(text)).toBe(expected)
  })

  test('members with a telling name are hidden at any depth', () => {
    expect(redact({ a: { adminPassphrase: 'x', list: [{ Authorization: 'Bearer y' }] }, tokens: 3 })).toEqual({
      a: { adminPassphrase: '[hidden]', list: [{ Authorization: '[hidden]' }] },
      tokens: '[hidden]',
    })
  })

  test('bigints and deep values do not break a line', () => {
    expect(redact({ seq: 12n })).toEqual({ seq: '12' })
    expect(JSON.stringify(redact({ a: { a: { a: { a: { a: { a: 1 } } } } } }))).toContain('[deep]')
  })
})
