import { expect, test } from 'bun:test'
import { builtinDesign, isBuiltinDesign } from './builtin-designs.ts'

test.each<[string, string, boolean]>([
  ['io.cozy.files', '_design/dir-by-path', true],
  ['io.cozy.files', '_design/disk-usage', true],
  ['io.cozy.contacts', '_design/contacts-by-email', true],
  ['com.bitwarden.ciphers', '_design/by-folder-id', true],
  ['io.cozy.files', '_design/mine', false],
  ['io.cozy.files', 'dir-by-path', false],
  ['io.cozy.todos', '_design/dir-by-path', false],
  ['constructor', '_design/name', false],
])('%s %s: %p', (doctype, id, expected) => {
  expect(isBuiltinDesign(doctype, id)).toBe(expected)
})

test('an index of the server looks like one that somebody made', () => {
  const { document, body, view } = builtinDesign('io.cozy.files', '_design/dir-children') ?? {}
  expect(body).toMatchObject({
    language: 'query',
    views: { [view?.name ?? '']: { map: { fields: { dir_id: 'asc', _id: 'asc' } }, reduce: '_count' } },
  })
  expect(document?.text).toBe(JSON.stringify(body))
})

test('a script of cozy-stack is shown, and is no index', () => {
  const { body, view } = builtinDesign('io.cozy.files', '_design/disk-usage') ?? {}
  expect(body).toMatchObject({ language: 'javascript', views: { 'disk-usage': { reduce: '_sum' } } })
  expect(view).toBeUndefined()
})
