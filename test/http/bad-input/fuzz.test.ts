/** Random requests: whatever comes, no failure of the server's own and nothing lost. */
import { beforeAll, expect, test } from 'bun:test'
import fc from 'fast-check'
import { openTarget, type Target } from './target.ts'

let target: Target
beforeAll(async () => {
  target = await openTarget('bad.fuzz')
}, 60_000)

const special = fc.constantFrom(
  '_all_docs',
  '_normal_docs',
  '_design_docs',
  '_bulk_docs',
  '_find',
  '_explain',
  '_index',
  '_index/_bulk_delete',
  '_design/x',
  '_design/x/copy',
  '_index/_design/x/json/y',
  '_changes',
  '_local/x',
  '_revs_diff',
  '_security',
  '_revs_limit',
  '_compact',
  '_all_docs/queries',
  'x/attachment',
  'x/relationships/references',
)
const anyText = fc.string({ unit: 'binary', maxLength: 20 })
const segment = fc.oneof(
  special,
  fc.constantFrom('a', 'b', 'c', 'sentinel', '%00', '%zz', '%2F', '..', '%2E', '_x', '%ff', '+', '%F0%9F%8E%88'),
  anyText.filter((text) => text.isWellFormed()).map(encodeURIComponent),
)
const json = fc.oneof(
  { depthIdentifier: 'json', maxDepth: 4 },
  { weight: 4, arbitrary: fc.jsonValue({ maxDepth: 4 }) },
  fc.letrec<{ selector: unknown; condition: unknown }>((tie) => ({
    condition: fc.dictionary(
      fc.constantFrom(
        '$gt',
        '$lt',
        '$eq',
        '$in',
        '$nin',
        '$or',
        '$and',
        '$not',
        '$regex',
        '$exists',
        '$elemMatch',
        '$x',
      ),
      fc.oneof({ maxDepth: 4 }, fc.jsonValue({ maxDepth: 1 }), tie('selector')),
      { maxKeys: 3 },
    ),
    selector: fc.dictionary(
      fc.constantFrom('n', 'a', '_id', 'a.b', '', '$and', '$nor', '__proto__'),
      tie('condition'),
      {
        maxKeys: 3,
      },
    ),
  })).selector,
)
/** Bodies near what routes expect, so that more than the first check is reached. */
const envelope = fc.oneof(
  fc.record(
    {
      docs: fc.array(fc.dictionary(fc.constantFrom('_id', '_rev', '_deleted', '_revisions', '_x', 'n', 'a'), json)),
      new_edits: json,
    },
    { requiredKeys: ['docs'] },
  ),
  fc.record(
    {
      selector: json,
      limit: fc.jsonValue({ maxDepth: 0 }),
      skip: fc.jsonValue({ maxDepth: 0 }),
      sort: json,
      fields: json,
      use_index: json,
      bookmark: fc.jsonValue({ maxDepth: 0 }),
    },
    { requiredKeys: ['selector'] },
  ),
  fc.record(
    {
      index: fc.record(
        { fields: fc.oneof(json, fc.array(fc.constantFrom('n', 'a.b', '', '_id'))) },
        { requiredKeys: ['fields'] },
      ),
      ddoc: fc.jsonValue({ maxDepth: 0 }),
      name: fc.jsonValue({ maxDepth: 0 }),
    },
    { requiredKeys: ['index'] },
  ),
  fc.record({ keys: json }),
  fc.record({ language: fc.constantFrom('query', 'javascript'), views: json }),
  fc.record({ docids: json }),
)
const body = fc.oneof(
  { weight: 5, arbitrary: envelope.map((value) => JSON.stringify(value)) },
  { weight: 2, arbitrary: json.map((value) => JSON.stringify(value)) },
  fc.json(),
  fc.uint8Array({ maxLength: 40 }),
  fc.constant(undefined),
)
const parameter = fc.tuple(
  fc.constantFrom(
    'limit',
    'skip',
    'key',
    'keys',
    'startkey',
    'endkey',
    'descending',
    'include_docs',
    'rev',
    'revs',
    'open_revs',
    'latest',
    'conflicts',
    'meta',
    'bookmark',
    'Fields',
    'DesignDocs',
    'new_edits',
    'since',
    'startkey_docid',
    'x',
  ),
  fc.oneof(
    fc.constantFrom(
      'true',
      'false',
      '1',
      '-1',
      '0',
      '1-abc',
      'all',
      '[]',
      '["a"]',
      '["1-a"]',
      '"a"',
      '{}',
      'null',
      '%00',
      '%zz',
    ),
    anyText.filter((text) => text.isWellFormed()).map(encodeURIComponent),
    fc.jsonValue({ maxDepth: 2 }).map((value) => encodeURIComponent(JSON.stringify(value).toWellFormed())),
  ),
)
const request = fc.record({
  method: fc.constantFrom('GET', 'PUT', 'POST', 'DELETE', 'HEAD', 'COPY', 'PATCH', 'OPTIONS'),
  face: fc.constantFrom('data', 'couchdb'),
  segment: fc.option(segment, { nil: undefined, freq: 8 }),
  parameters: fc.array(parameter, { maxLength: 3 }),
  body,
  headers: fc.dictionary(
    fc.constantFrom('if-match', 'if-none-match', 'destination', 'accept', 'content-type', 'accept-encoding', 'origin'),
    fc.oneof(
      fc.constantFrom('1-abc', '"1-abc"', '_design/z', 'application/json', 'gzip', 'b?rev=1-a', '%00'),
      fc.string(),
    ),
    { maxKeys: 2 },
  ),
})

test('200 random requests', async () => {
  await fc.assert(
    fc.asyncProperty(request, async ({ method, face, segment, parameters, body, headers }) => {
      // Deleting the whole database would be no bad input.
      const wanted = method === 'DELETE' && !segment ? 'GET' : method
      const query = parameters.map(([name, value]) => `${name}=${value}`).join('&')
      const place = `/${face}/{db}${segment === undefined ? '' : `/${segment}`}${query && `?${query}`}`
      const sent = wanted === 'GET' || wanted === 'HEAD' ? undefined : body
      const { status, text } = await target.ask(`${wanted} ${place}`, sent, headers)
      // What is not served yet says so by 501.
      if (status !== 501) expect(`${status} ${text.slice(0, 300)}`).toMatch(/^[234]\d\d /)
      if (status >= 400 && text !== '') expect(JSON.parse(text)).toBeTruthy()
    }),
    { numRuns: 200 },
  )
  await target.unharmed()
}, 60_000)
