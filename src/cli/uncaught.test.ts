import { expect, test } from 'bun:test'
import { isBrokenWrite } from './uncaught.ts'

interface Socket {
  write(): void
  read(): void
}

function thrown(work: (socket: Socket) => void): unknown {
  try {
    work(JSON.parse('null') as Socket)
    return undefined
  } catch (error) {
    return error
  }
}

function nextWrite(socket: Socket): void {
  socket.write()
}

test.each([
  { what: 'the driver’s write to a socket that is gone', error: thrown(nextWrite), expected: true },
  { what: 'the same from somewhere else', error: thrown((socket) => socket.write()), expected: false },
  { what: 'another member', error: thrown((socket) => socket.read()), expected: false },
  { what: 'an ordinary error', error: new Error("evaluating 'socket.write'"), expected: false },
])('$what -> passed over: $expected', ({ error, expected }) => {
  expect(isBrokenWrite(error)).toBe(expected)
})
