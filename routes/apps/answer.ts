import type { AppKind } from '../../src/apps/apps.ts'
import { type OwnDocument, revText } from '../../src/instances/own-documents.ts'
import { stringifyJson } from '../../src/model/json/exact.ts'

export const mediaType = 'application/vnd.api+json'

/** Sends a JSON-API document. */
export function jsonApi(status: number, document: object): Response {
  return new Response(stringifyJson(document), { status, headers: { 'content-type': mediaType } })
}

/** An application as JSON-API shows it. */
export function resource(kind: AppKind, document: OwnDocument): object {
  const { id, value } = document
  const self = `/${kind}/${String(value['slug'])}`
  return { type: `io.cozy.${kind}`, id, attributes: value, meta: { rev: revText(document) }, links: { self } }
}
