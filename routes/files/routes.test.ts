import { expect, test } from 'bun:test'
import { openApiDocument } from '../openapi.ts'
import { settingsRoutes } from '../settings/routes.ts'
import type { SettingsServices } from '../settings/services.ts'
import { filesRoutes } from './routes.ts'
import type { FilesServices } from './services.ts'

/** Nothing is asked of the services while routes are declared. */
const services = {} as FilesServices & SettingsServices & { readonly fsck: never }

interface Operation {
  readonly summary?: string
  readonly requestBody?: { readonly content: Readonly<Record<string, unknown>> }
  readonly responses: Readonly<Record<string, { readonly content?: Readonly<Record<string, unknown>> }>>
}

const { paths } = openApiDocument([filesRoutes(services), settingsRoutes(services)], { version: '0' }) as {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
}

test.each([
  ['/files', 'post patch'],
  ['/files/{id}', 'get put post patch delete'],
  ['/files/metadata', 'get patch'],
  ['/files/{id}/relationships/contents', 'get'],
  ['/files/{id}/relationships/referenced_by', 'post delete'],
  ['/files/{id}/size', 'get'],
  ['/files/{id}/copy', 'post'],
  ['/files/_all_docs', 'post'],
  ['/files/_find', 'post'],
  ['/files/_changes', 'get'],
  ['/files/upload/metadata', 'post'],
  ['/files/shared-drives', 'post'],
  ['/files/trash', 'get delete'],
  ['/files/trash/{id}', 'post delete'],
  ['/data/{type}/{id}/relationships/references', 'get post delete'],
  ['/settings/disk-usage', 'get'],
  ['/settings/capabilities', 'get'],
  ['/settings/instance/moved_from', 'delete'],
])('%s is described: %s', (path, methods) => {
  expect(Object.keys(paths[path] ?? {}).sort()).toEqual(methods.split(' ').sort())
})

test('bodies are described with their media types', () => {
  const media = (operation: Operation | undefined) => Object.keys(operation?.requestBody?.content ?? {})
  expect(media(paths['/files/{id}']?.['patch'])).toEqual(['application/vnd.api+json'])
  expect(media(paths['/files/{id}']?.['put'])).toEqual(['application/octet-stream'])
  const answer = paths['/files/{id}']?.['get']?.responses['200']?.content ?? {}
  expect(Object.keys(answer)).toEqual(['application/vnd.api+json'])
})
