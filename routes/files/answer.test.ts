import { describe, expect, test } from 'bun:test'
import { nodeOf } from '../../src/files/node.ts'
import { nodeObject } from './answer.ts'
import { printedNode } from './printed-node.ts'

const node = (id: string, members: object) => nodeOf({ id, gen: 2, hash: 'ab', text: JSON.stringify(members) })
const photo = {
  type: 'file',
  name: 'a.jpg',
  dir_id: 'd',
  size: '5',
  class: 'image',
  internal_vfs_id: 'hidden',
  referenced_by: [{ type: 'io.cozy.photos.albums', id: 'x' }],
  metadata: { datetime: 'then', width: 4 },
}

describe('a file', () => {
  test('shows its document but for what is nobody’s business or a relationship', () => {
    expect(nodeObject(node('f', photo))).toEqual({
      type: 'io.cozy.files',
      id: 'f',
      attributes: {
        type: 'file',
        name: 'a.jpg',
        dir_id: 'd',
        size: '5',
        class: 'image',
        metadata: { datetime: 'then', width: 4 },
      },
      meta: { rev: '2-ab' },
      links: { self: '/files/f' },
      relationships: {
        parent: { links: { related: '/files/d' }, data: { type: 'io.cozy.files', id: 'd' } },
        referenced_by: {
          links: { self: '/files/f/relationships/references' },
          data: [{ type: 'io.cozy.photos.albums', id: 'x' }],
        },
      },
    })
  })

  test.each([
    ['image', true],
    ['pdf', true],
    ['text', false],
  ])('of the class %s has thumbnails: %p', (kind, has) => {
    const { links } = nodeObject(node('f', { ...photo, class: kind }), { thumbnails: (id) => `of-${id}` })
    const formats = Object.fromEntries(
      ['tiny', 'small', 'medium', 'large'].map((format) => [format, `/files/f/thumbnails/of-f/${format}`]),
    )
    expect(links).toEqual(has ? { self: '/files/f', ...formats } : { self: '/files/f' })
  })

  test('names its versions', () => {
    const version = {
      id: 'f/v1',
      rev: '1-a',
      fileId: 'f',
      internalId: 'v1',
      size: 1,
      md5sum: '',
      tags: [],
      value: { size: '1' },
    }
    const { relationships } = nodeObject(node('f', photo), { versions: [version] })
    expect(relationships).toMatchObject({
      old_versions: { data: [{ type: 'io.cozy.files.versions', id: 'f/v1' }] },
    })
  })

  test('shows its path where that is asked for', () => {
    expect(nodeObject(node('f', photo), { path: '/x/a.jpg' })).toMatchObject({ attributes: { path: '/x/a.jpg' } })
  })

  test('shows the attributes asked for, and always type, class, size and trashed', () => {
    const fields = { metadata: { datetime: true }, size: true } as const
    expect(nodeObject(node('f', photo), { fields })['attributes']).toEqual({
      type: 'file',
      class: 'image',
      size: '5',
      metadata: { datetime: 'then' },
    })
  })

  test('shows its directory together with its path', () => {
    const { attributes } = nodeObject(node('f', photo), { fields: { path: true }, path: '/x/a.jpg' })
    expect(attributes).toEqual({ type: 'file', class: 'image', size: '5', dir_id: 'd', path: '/x/a.jpg' })
  })
})

describe('a directory', () => {
  const root = node('io.cozy.files.root-dir', { type: 'directory', name: '', dir_id: '', path: '/' })

  test('at the root has no parent', () => {
    expect(nodeObject(root)).toMatchObject({ attributes: { path: '/' }, relationships: { parent: {} } })
    expect(nodeObject(root)['relationships']).not.toHaveProperty('parent.data')
  })

  test('names a page of its children and the next one', () => {
    const contents = { nodes: [node('f', photo)], count: 31, next: '/files/io.cozy.files.root-dir?page=2' }
    expect(nodeObject(root, { contents })).toMatchObject({
      relationships: {
        contents: {
          meta: { count: 31 },
          links: {
            self: '/files/io.cozy.files.root-dir/relationships/contents',
            next: '/files/io.cozy.files.root-dir/relationships/contents?page=2',
          },
          data: [{ type: 'io.cozy.files', id: 'f' }],
        },
      },
    })
  })

  test('shows who does not synchronise it as a relationship', () => {
    const clients = [{ type: 'io.cozy.oauth.clients', id: 'c' }]
    const object = nodeObject(node('d', { type: 'directory', not_synchronized_on: clients }))
    expect(object).toMatchObject({ relationships: { not_synchronized_on: { data: clients } } })
    expect(object['attributes']).not.toHaveProperty('not_synchronized_on')
  })
})

test('a document as the engine prints it is a node without its special members', () => {
  const printed = printedNode(
    '{"_id":"f","_rev":"3-abc","type":"file","name":"a","size":"7","big":12345678901234567890}',
  )
  expect(printed).toMatchObject({ kind: 'file', id: 'f', rev: '3-abc', name: 'a', size: 7 })
  expect(JSON.stringify(nodeObject(printed)['attributes'])).toBe(
    '{"type":"file","name":"a","size":"7","big":12345678901234567890}',
  )
})
