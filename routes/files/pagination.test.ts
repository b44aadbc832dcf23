import { describe, expect, test } from 'bun:test'
import type { Directory } from '../../src/files/node.ts'
import { childrenPageOf, nextChildren, pageAddress } from './pagination.ts'

const directory: Directory = {
  kind: 'directory',
  id: 'd1',
  rev: '1-a',
  name: 'Übung & Co',
  dirId: 'parent',
  path: '/Übung & Co',
  createdAt: '',
  updatedAt: '',
  tags: [],
  referencedBy: [],
  restorePath: undefined,
  value: {},
  exact: {},
}

describe('what a request asks for', () => {
  test.each([
    [{}, { limit: 30 }],
    [{ 'page[limit]': '' }, { limit: 30 }],
    [{ 'page[limit]': '7' }, { limit: 7 }],
    [{ 'page[limit]': '100000' }, { limit: 1000 }],
    [{ 'page[skip]': '60' }, { limit: 30, skip: 60 }],
    [{ 'page[skip]': '0' }, { limit: 30, skip: 0 }],
    [{ 'page[cursor]': '[["d","file","a"],"x"]' }, { limit: 30, after: { kind: 'file', name: 'a', id: 'x' } }],
    [{ 'page[cursor]': '', 'page[skip]': '' }, { limit: 30 }],
    [{ 'page[limit]': '0' }, { limit: 30 }],
    [{ 'page[limit]': '-1' }, { limit: 30 }],
  ] as const)('%j', (text, page) => expect(childrenPageOf(text)).toEqual(page))

  test.each([
    [{ 'page[limit]': 'ten' }],
    [{ 'page[skip]': '1.5' }],
    [{ 'page[cursor]': 'x' }],
    [{ 'page[cursor]': '[]' }],
    [{ 'page[cursor]': '["d","x"]' }],
    [{ 'page[cursor]': '[["d","file"],"x"]' }],
    [{ 'page[cursor]': '[["d","other","a"],"x"]' }],
    [{ 'page[cursor]': '[["d","file",1],"x"]' }],
    [{ 'page[cursor]': '[["d","file","a"],null]' }],
  ] as const)('%j is refused', (text) => {
    expect(() => childrenPageOf(text)).toThrow(expect.objectContaining({ status: 400 }))
  })
})

describe('the address of the next page', () => {
  const page = { nodes: [directory], more: true }

  test('its cursor asks for what follows the last node', () => {
    const address = nextChildren('/files/parent', { limit: 5 }, page) ?? ''
    const url = new URL(address, 'http://host')
    expect(url.pathname).toBe('/files/parent')
    expect(childrenPageOf(Object.fromEntries(url.searchParams))).toEqual({
      limit: 5,
      after: { kind: 'directory', name: 'Übung & Co', id: 'd1' },
    })
  })

  test('it goes on by skipping when the page was asked for so', () => {
    expect(nextChildren('/x', { limit: 5, skip: 10 }, page)).toBe('/x?page%5Bskip%5D=11&page%5Blimit%5D=5')
  })

  test('there is none behind the last page', () => {
    expect(nextChildren('/x', { limit: 5 }, { nodes: [directory], more: false })).toBeUndefined()
    expect(nextChildren('/x', { limit: 5 }, { nodes: [], more: true })).toBeUndefined()
  })

  test('it keeps a query that is there', () => {
    expect(pageAddress('/x?sort=id', 5, { skip: 1 })).toBe('/x?sort=id&page%5Bskip%5D=1&page%5Blimit%5D=5')
  })
})
