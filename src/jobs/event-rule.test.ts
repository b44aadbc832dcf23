import { expect, test } from 'bun:test'
import { parseJson } from '../model/json/exact.ts'
import { isObject, type JsonObject } from '../model/json/value.ts'
import { matchesEvent, parseEventRules } from './event-rule.ts'

const documentOf = (text: string): JsonObject => {
  const { exact } = parseJson(text)
  if (!isObject(exact)) throw new Error('the document of the test is not an object')
  return exact
}

test.each([
  ['{"image":{"type":"io.cozy.files","id":"a"}}', true],
  ['{"image":[{"type":"io.cozy.files","id":"a"}]}', true],
  ['{"image":{"type":"io.cozy.notes","id":"a"}}', false],
  ['{"image":{"id":"a"}}', false],
  ['{"image":{"type":1.0,"id":"a"}}', false],
  ['{"image":{"type":{"toString":1},"id":"a"}}', false],
  ['{"image":[1.0,{"toString":1}]}', false],
])('a rule for one referenced file, and the document %s -> %p', async (text, expected) => {
  const rules = parseEventRules('test.events:CREATED:io.cozy.files/a:image') ?? []
  const event = { type: 'test.events', verb: 'CREATED', doc: documentOf(text), old: undefined } as const
  expect(await matchesEvent(rules, event, async () => [])).toBe(expected)
})
