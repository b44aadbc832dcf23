/**
 * Query parameters of the admin API. All of them are optional text, and an empty one counts as not given; a wrong one is
 * 422 with its name (the original answers some of them with 500).
 */
import { z } from '@hono/zod-openapi'
import { invalidParameter } from '../../src/instances/problems.ts'
import { Problem } from '../../src/model/errors.ts'
import { isObject, type Json, type JsonObject } from '../../src/model/json/value.ts'
import { readJson, readOptionalJson } from '../http/body.ts'
import type { HttpContext } from '../http/router.ts'

const optional = (meaning: string) => z.string().optional().describe(meaning)

export function textOf(meaning: string) {
  return optional(meaning).transform((text) => text || undefined)
}

/** A list split on commas; blanks around its items and empty items do not count. */
export function listOf(meaning: string) {
  return optional(`${meaning}, separated by commas`).transform((text) => {
    const items = (text ?? '').split(',').map((item) => item.trim())
    const kept = items.filter((item) => item !== '')
    return kept.length === 0 ? undefined : kept
  })
}

/** `key:value` pairs, separated by commas. */
export function settingsOf() {
  return optional('`key:value` pairs for the settings document, separated by commas').transform((text) => {
    const pairs = (text ?? '').split(',').filter((pair) => pair.trim() !== '')
    return pairs.length === 0 ? undefined : pairs.map(settingOf)
  })
}

function settingOf(pair: string): readonly [string, string] {
  const colon = pair.indexOf(':')
  if (colon < 1) throw invalidParameter('Settings', `Settings are pairs of the form key:value, not ${pair}`)
  return [pair.slice(0, colon).trim(), pair.slice(colon + 1)]
}

const truths: Readonly<Record<string, boolean>> = {
  ...Object.fromEntries(['1', 't', 'T', 'true', 'TRUE', 'True'].map((word) => [word, true])),
  ...Object.fromEntries(['0', 'f', 'F', 'false', 'FALSE', 'False'].map((word) => [word, false])),
}

/** `true`, `false`, `1`, `0`, `t`, `f`. */
export function booleanOf(name: string, meaning: string) {
  return optional(meaning).transform((text) => {
    if (!text) return undefined
    const value = readBoolean(text)
    if (value === undefined) throw invalidParameter(name, `${name} must be true or false, not ${text}`)
    return value
  })
}

/** The same, but anything else counts as not given. */
export function lenientBooleanOf(meaning: string) {
  return optional(meaning).transform((text) => readBoolean(text ?? ''))
}

function readBoolean(text: string): boolean | undefined {
  return Object.hasOwn(truths, text) ? truths[text] : undefined
}

export function wholeOf(name: string, meaning: string) {
  return optional(meaning).transform((text) => {
    if (!text) return undefined
    const value = Number(text)
    if (!/^[+-]?\d+$/.test(text) || !Number.isSafeInteger(value)) {
      throw invalidParameter(name, `${name} must be a whole number, not ${text}`)
    }
    return value
  })
}

/** A number of bytes, which may be larger than a double holds exactly. */
export function bytesOf(name: string, meaning: string) {
  return optional(meaning).transform((text) => {
    if (!text) return undefined
    if (!/^[+-]?\d{1,19}$/.test(text)) throw invalidParameter(name, `${name} must be a number of bytes, not ${text}`)
    return BigInt(text.replace(/^\+/, ''))
  })
}

/** A whole number from 1 up; anything else counts as not given. */
export function countOf(meaning: string) {
  return optional(meaning).transform((text) => {
    const value = /^\+?\d{1,15}$/.test(text ?? '') ? Number(text) : 0
    return value > 0 ? value : undefined
  })
}

const maxBytes = 1024 * 1024

/** The JSON value of the body. @throws Problem `bad_request` when it is missing or malformed */
export async function readValue(c: HttpContext): Promise<Json> {
  return (await readJson(c, { maxBytes })).exact
}

/** The JSON object of the body; `undefined` when the body is empty. @throws Problem `bad_request` */
export async function readOptionalObject(c: HttpContext): Promise<JsonObject | undefined> {
  const read = await readOptionalJson(c, { maxBytes })
  if (read === undefined) return undefined
  if (!isObject(read.exact)) throw new Problem('bad_request', 'The body must be a JSON object.')
  return read.exact
}

/** The JSON object of the body. @throws Problem `bad_request` */
export async function readObject(c: HttpContext): Promise<JsonObject> {
  const value = await readOptionalObject(c)
  if (value === undefined) throw new Problem('bad_request', 'The body must be a JSON object.')
  return value
}
