import { expect, test } from 'bun:test'
import { manifestUrl } from './manifest.ts'
import { exportLink, instanceHostOf } from './settings-address.ts'

test.each([
  ['alice.example', 'https://settings.alice.example/#/exports/abc'],
  ['alice.example:8080', 'https://settings.alice.example:8080/#/exports/abc'],
  ['127.0.0.5:8080', 'https://127.0.0.5:8080/move/data#/exports/abc'],
  ['[::1]:8080', 'https://[::1]:8080/move/data#/exports/abc'],
])('an export of %s is shown at %s, and found from there', (domain, link) => {
  expect(exportLink({ domain, secure: true }, 'abc')).toBe(link)
  expect(manifestUrl(link)?.href).toBe(`https://${domain}/move/exports/abc`)
})

test.each([
  ['settings.alice.example', 'alice.example'],
  ['Settings.Alice.example:8080', 'alice.example:8080'],
  ['alice-settings.example.org', 'alice.example.org'],
  ['alice.example', undefined],
  ['settings', undefined],
  ['-settings.example.org', undefined],
])('%s shows the settings of %s', (host, instance) => {
  expect(instanceHostOf(host)).toBe(instance as never)
})
