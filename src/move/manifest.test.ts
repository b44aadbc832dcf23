import { expect, test } from 'bun:test'
import { manifestUrl } from './manifest.ts'

test.each([
  ['https://settings.ada.example.org/#/exports/YWJj', 'https://ada.example.org/move/exports/YWJj'],
  ['https://ada-settings.example.org/#/exports/YWI=', 'https://ada.example.org/move/exports/YWI='],
  ['  http://settings.ada.localhost:8080/#/exports/x-_  ', 'http://ada.localhost:8080/move/exports/x-_'],
  ['http://127.0.0.1:5997/some/path?query=1#/exports/abc', 'http://127.0.0.1:5997/move/exports/abc'],
  ['https://ada.example.org/#/exports/../../admin', undefined],
  ['https://ada.example.org/#/exports/a/b', undefined],
  ['https://ada.example.org/#/other/x', undefined],
  ['https://ada.example.org/move/exports/x', undefined],
  ['https://settings./#/exports/x', undefined],
  ['ftp://ada.example.org/#/exports/x', undefined],
  ['javascript:1#/exports/x', undefined],
  ['not a link', undefined],
  ['', undefined],
  ['http://[::1/#/exports/x', undefined],
])('%s leads to %p', (link, url) => {
  expect(manifestUrl(link)?.href).toBe(url as string)
})
