/** Attachments on both faces: one table for what they have in common. */
import { describe, expect, test } from 'bun:test'
import { type Scenario, scenarios } from './scenarios.ts'
import { openStage } from './stage.ts'

const md5 = { hello: 'XUFAKrxLKna5cZ2REBfFkg==', bye: 'v6md8zsTe8j7X1QH1+WNqA==', empty: '1B2M2Y8AsgTpgAmY7PhCfg==' }
const text = { 'content-type': 'text/plain' }
const helloStub = { stub: true, content_type: 'text/plain', digest: `md5-${md5.hello}`, length: 5 }
const inlineHello = { content_type: 'text/plain', data: 'aGVsbG8=' }
const noAttachment = { error: 'not_found', reason: 'Document is missing attachment' }

for (const D of ['/couchdb/att.common', '/data/att.other']) {
  const couch = D.startsWith('/couchdb')
  const created = couch ? 201 : 200
  const rows: Scenario[] = [
    { name: 'a database', request: `PUT ${D}`, status: 201 },

    // PUT, GET, HEAD, DELETE of one
    {
      name: 'an attachment makes its document',
      request: `PUT ${D}/a/note.txt`,
      body: 'hello',
      headers: text,
      status: 201,
      json: { ok: true, id: 'a', rev: /^1-[0-9a-f]{32}$/ },
      save: { a1: 'rev' },
    },
    {
      name: 'the document has a stub',
      request: `GET ${D}/a`,
      status: 200,
      json: { _rev: '{{a1}}', _attachments: { 'note.txt': { ...helloStub, revpos: 1 } } },
      lacks: ['"data"'],
    },
    {
      name: 'its content',
      request: `GET ${D}/a/note.txt`,
      status: 200,
      contains: ['hello'],
      answers: {
        etag: `"${md5.hello}"`,
        'content-type': 'text/plain',
        'content-length': '5',
        'content-md5': md5.hello,
        'accept-ranges': 'bytes',
        'cache-control': 'must-revalidate',
        'content-security-policy': 'sandbox',
      },
    },
    {
      name: 'its head',
      request: `HEAD ${D}/a/note.txt`,
      status: 200,
      lacks: ['hello'],
      answers: { etag: `"${md5.hello}"`, 'content-length': '5', 'content-type': 'text/plain' },
    },
    ...(
      [
        ['bytes=0-0', 206, 'h', 'bytes 0-0/5'],
        ['bytes=1-3', 206, 'ell', 'bytes 1-3/5'],
        ['bytes=3-', 206, 'lo', 'bytes 3-4/5'],
        ['bytes=-2', 206, 'lo', 'bytes 3-4/5'],
        ['bytes=0-300', 206, 'hello', 'bytes 0-4/5'],
        ['bytes=-300', 206, 'hello', 'bytes 0-4/5'],
        ['bytes=5-', 416, 'requested_range_not_satisfiable', 'bytes */5'],
        ['bytes=9-10', 416, 'requested_range_not_satisfiable', 'bytes */5'],
        ['bytes=3-1', 200, 'hello', null],
        ['lines=1-2', 200, 'hello', null],
        ['bytes=a-b', 200, 'hello', null],
      ] as const
    ).map(
      ([range, status, body, contentRange]): Scenario => ({
        name: `the range ${range}: ${status}`,
        request: `GET ${D}/a/note.txt`,
        headers: { range },
        status,
        contains: [body],
        ...(status === 206 ? { lacks: body === 'hello' ? [] : ['hello'] } : {}),
        answers: { 'content-range': contentRange },
      }),
    ),
    {
      name: 'a range of what it once was',
      request: `GET ${D}/a/note.txt`,
      headers: { range: 'bytes=1-3', 'if-range': '"other"' },
      status: 200,
      contains: ['hello'],
    },
    {
      name: 'not modified',
      request: `GET ${D}/a/note.txt`,
      headers: { 'if-none-match': `"x", "${md5.hello}"` },
      status: 304,
      lacks: ['hello'],
      answers: { etag: `"${md5.hello}"` },
    },
    {
      name: 'modified',
      request: `GET ${D}/a/note.txt`,
      headers: { 'if-none-match': '"x"' },
      status: 200,
      contains: ['hello'],
    },
    { name: 'another name', request: `GET ${D}/a/other`, status: 404, json: noAttachment },
    { name: 'another document', request: `GET ${D}/b/note.txt`, status: 404, json: { reason: 'missing' } },
    { name: 'another revision', request: `GET ${D}/a/note.txt?rev=1-abc`, status: 404, json: { reason: 'missing' } },
    { name: 'a malformed revision', request: `GET ${D}/a/note.txt?rev=x`, status: 400 },
    { name: 'a wrong method', request: `POST ${D}/a/note.txt`, body: 'x', status: 405 },
    {
      name: 'without the revision it is in conflict',
      request: `PUT ${D}/a/second`,
      body: 'bye',
      status: 409,
      json: { reason: 'Document update conflict.' },
    },
    { name: 'with a revision that is not there', request: `PUT ${D}/a/second?rev=1-abc`, body: 'bye', status: 409 },
    { name: 'with a malformed revision', request: `PUT ${D}/a/second?rev=x`, body: 'bye', status: 400 },
    {
      name: 'with two revisions',
      request: `PUT ${D}/a/second?rev={{a1}}`,
      headers: { 'if-match': '"1-abc"' },
      body: 'bye',
      status: 400,
    },
    {
      name: 'a second one, by If-Match, its name with slashes',
      request: `PUT ${D}/a/folder/bye%2Fb%C3%BFe.txt`,
      headers: { 'if-match': '"{{a1}}"' },
      body: 'bye',
      status: 201,
      json: { rev: /^2-/ },
      save: { a2: 'rev' },
    },
    {
      name: 'a superseded revision',
      request: `PUT ${D}/a/third?rev={{a1}}`,
      body: 'x',
      status: 409,
      json: { error: 'conflict' },
    },
    {
      name: 'read with slashes as they are',
      request: `GET ${D}/a/folder/bye/b%C3%BFe.txt`,
      status: 200,
      contains: ['bye'],
    },
    {
      name: 'read with encoded slashes',
      request: `GET ${D}/a/folder%2Fbye%2fb%C3%BFe.txt`,
      status: 200,
      contains: ['bye'],
      answers: { 'content-type': 'application/octet-stream' },
    },
    {
      name: 'both are there, the first from the first revision',
      request: `GET ${D}/a`,
      status: 200,
      json: {
        _attachments: {
          'note.txt': { revpos: 1 },
          'folder/bye/bÿe.txt': { revpos: 2, length: 3, digest: `md5-${md5.bye}` },
        },
      },
    },
    {
      name: 'the first revision is still whole',
      request: `GET ${D}/a/note.txt?rev={{a1}}`,
      status: 200,
      contains: ['hello'],
    },
    {
      name: 'it lacks what came later',
      request: `GET ${D}/a/folder/bye/b%C3%BFe.txt?rev={{a1}}`,
      status: 404,
      json: noAttachment,
    },
    {
      name: 'another content in place of the first',
      request: `PUT ${D}/a/note.txt?rev={{a2}}`,
      body: '',
      headers: { 'content-type': 'text/x; charset=utf-8' },
      status: 201,
      save: { a3: 'rev' },
    },
    {
      name: 'an empty content',
      request: `GET ${D}/a/note.txt`,
      status: 200,
      answers: { 'content-length': '0', etag: `"${md5.empty}"`, 'content-type': 'text/x; charset=utf-8' },
    },
    { name: 'no range of it', request: `GET ${D}/a/note.txt`, headers: { range: 'bytes=0-' }, status: 416 },
    {
      name: 'removal of nothing',
      request: `DELETE ${D}/a/nope?rev={{a3}}`,
      status: 404,
      json: noAttachment,
    },
    { name: 'removal without revision', request: `DELETE ${D}/a/note.txt`, status: 409 },
    { name: 'removal of nothing without revision', request: `DELETE ${D}/a/nope`, status: 404, json: noAttachment },
    { name: 'removal from nothing', request: `DELETE ${D}/none/nope`, status: 404, json: { reason: 'missing' } },
    { name: 'removal with a superseded revision', request: `DELETE ${D}/a/note.txt?rev={{a1}}`, status: 409 },
    {
      name: 'removal',
      request: `DELETE ${D}/a/note.txt?rev={{a3}}`,
      status: 200,
      json: { ok: true, id: 'a', rev: /^4-/ },
      save: { a4: 'rev' },
    },
    { name: 'is gone', request: `GET ${D}/a/note.txt`, status: 404, json: noAttachment },
    {
      name: 'the document stays',
      request: `GET ${D}/a`,
      status: 200,
      json: { _rev: '{{a4}}', _attachments: { 'folder/bye/bÿe.txt': {} } },
      lacks: ['note.txt'],
    },
    {
      name: 'the removal of the last one leaves a document without the member',
      request: `DELETE ${D}/a/folder/bye/b%C3%BFe.txt?rev={{a4}}`,
      status: 200,
      save: { a5: 'rev' },
    },
    { name: 'as any other', request: `GET ${D}/a`, status: 200, json: { _rev: '{{a5}}' }, lacks: ['_attachments'] },
    { name: 'a deleted document', request: `DELETE ${D}/a?rev={{a5}}`, status: 200 },
    { name: 'has no attachments', request: `GET ${D}/a/note.txt`, status: 404, json: { reason: 'deleted' } },
    {
      name: 'is made again by one',
      request: `PUT ${D}/a/note.txt`,
      body: 'hello',
      status: 201,
      json: { rev: /^7-/ },
    },

    // what is checked
    {
      name: 'Content-MD5 that fits',
      request: `PUT ${D}/md5/a`,
      body: 'hello',
      headers: { 'content-md5': md5.hello },
      status: 201,
    },
    {
      name: 'Content-MD5 that does not',
      request: `PUT ${D}/md5b/a`,
      body: 'hello',
      headers: { 'content-md5': md5.bye },
      status: 400,
      json: { error: 'content_md5_mismatch' },
    },
    { name: 'and nothing was written', request: `GET ${D}/md5b`, status: 404 },
    {
      name: 'a content packed in another way than gzip',
      request: `PUT ${D}/gz/a`,
      body: 'hello',
      headers: { 'content-encoding': 'br' },
      status: 415,
    },
    {
      name: 'a content that is said to be packed and is not',
      request: `PUT ${D}/gz/a`,
      body: 'hello',
      headers: { 'content-encoding': 'gzip' },
      status: 400,
    },
    { name: 'a name with an underscore in front', request: `PUT ${D}/under/_a`, body: 'x', status: 400 },
    { name: 'a bad document id', request: `PUT ${D}/_bad/a`, body: 'x', status: 400 },
    {
      name: 'a type that fits no header is not one',
      request: `PUT ${D}/type`,
      body: { _attachments: { a: { data: '', content_type: 'x\n\u0000ü' } } },
      status: created,
    },
    {
      name: 'but the content is',
      request: `GET ${D}/type/a`,
      status: 200,
      answers: { 'content-type': 'application/octet-stream' },
    },
    {
      name: 'and the type is kept',
      request: `GET ${D}/type`,
      status: 200,
      json: { _attachments: { a: { content_type: 'x\n\u0000ü' } } },
    },

    // inline and stubs
    {
      name: 'inline',
      request: `PUT ${D}/in`,
      body: { n: 1, _attachments: { h: inlineHello, e: { data: '' } } },
      status: created,
      save: { i1: 'rev' },
    },
    {
      name: 'are stubs when read',
      request: `GET ${D}/in`,
      status: 200,
      json: {
        n: 1,
        _attachments: {
          h: { ...helloStub, revpos: 1 },
          e: { stub: true, length: 0, content_type: 'application/octet-stream' },
        },
      },
    },
    {
      name: 'with content when asked for',
      request: `GET ${D}/in?attachments=true`,
      status: 200,
      json: { n: 1, _attachments: { h: { ...inlineHello, revpos: 1, digest: `md5-${md5.hello}` }, e: { data: '' } } },
      lacks: ['"stub"', '"length"'],
      answers: { etag: null },
    },
    {
      name: 'a stub of what was never there',
      request: `PUT ${D}/in`,
      body: { _id: 'in', _rev: '{{i1}}', _attachments: { other: { stub: true } } },
      status: 412,
      json: { error: 'missing_stub', reason: 'Invalid attachment stub in in for other' },
    },
    {
      name: 'a stub with another generation',
      request: `PUT ${D}/in`,
      body: { _id: 'in', _rev: '{{i1}}', _attachments: { h: { stub: true, revpos: 9 } } },
      status: 412,
      json: { error: 'missing_stub' },
    },
    {
      name: 'a stub in a new document',
      request: `PUT ${D}/in-new`,
      body: { _attachments: { h: { stub: true } } },
      status: 412,
      json: { error: 'missing_stub' },
    },
    {
      name: 'a stub where the revision is wrong is a conflict first',
      request: `PUT ${D}/in`,
      body: { _id: 'in', _rev: '1-abc', _attachments: { h: { stub: true } } },
      status: 409,
    },
    {
      name: 'a stub stays, the other goes, a third comes',
      request: `PUT ${D}/in`,
      body: {
        _id: 'in',
        _rev: '{{i1}}',
        n: 2,
        _attachments: { h: { ...helloStub, revpos: 1 }, b: { data: 'Ynll', content_type: 'text/b' } },
      },
      status: created,
      save: { i2: 'rev' },
    },
    {
      name: 'each with its generation',
      request: `GET ${D}/in`,
      status: 200,
      json: { n: 2, _attachments: { h: { revpos: 1 }, b: { revpos: 2 } } },
      lacks: ['"e"'],
    },
    {
      name: 'only the contents that are newer',
      request: `GET ${D}/in?atts_since=["1-x","{{i1}}"]`,
      status: 200,
      json: { _attachments: { h: { ...helloStub, revpos: 1 }, b: { data: 'Ynll' } } },
    },
    {
      name: 'all of them when nothing is in common',
      request: `GET ${D}/in?atts_since=["1-x"]&att_encoding_info=true`,
      status: 200,
      json: { _attachments: { h: { data: 'aGVsbG8=' }, b: { data: 'Ynll' } } },
    },
    { name: 'atts_since that is no list', request: `GET ${D}/in?atts_since=5`, status: 400 },
    {
      name: 'without the member they are gone',
      request: `PUT ${D}/in`,
      body: { _id: 'in', _rev: '{{i2}}', n: 3 },
      status: created,
    },
    { name: 'as the document says', request: `GET ${D}/in`, status: 200, json: { n: 3 }, lacks: ['_attachments'] },
    {
      name: 'but not from the revision before',
      request: `GET ${D}/in?rev={{i2}}&attachments=true`,
      status: 200,
      json: { _attachments: { b: { data: 'Ynll' } } },
    },
    {
      name: 'what is to follow does not',
      request: `PUT ${D}/follow`,
      body: { _attachments: { a: { follows: true, length: 1 } } },
      status: 400,
    },

    // many at once
    {
      name: '_bulk_docs',
      request: `POST ${D}/_bulk_docs`,
      body: {
        docs: [
          { _id: 'bulk1', _attachments: { h: inlineHello } },
          { _id: 'bulk2', n: 2 },
          { _id: 'bulk3', _attachments: { h: inlineHello, b: { data: 'Ynll' } } },
          { _id: 'bulk1', _attachments: { b: { data: 'Ynll' } } },
        ],
      },
      status: 201,
      json: [{ id: 'bulk1', rev: /^1-/ }, { id: 'bulk2' }, { id: 'bulk3' }, { id: 'bulk1', error: 'conflict' }],
      save: { b1: '0.rev', b3: '2.rev' },
    },
    {
      name: '_bulk_docs: equal contents give equal revisions',
      request: `POST ${D}/_bulk_docs`,
      body: { docs: [{ _id: 'bulk4', _attachments: { h: inlineHello } }] },
      status: 201,
      json: [{ rev: '{{b1}}' }],
    },
    {
      name: '_bulk_docs: a stub that is nowhere refuses them all',
      request: `POST ${D}/_bulk_docs`,
      body: { docs: [{ _id: 'bulk5' }, { _id: 'bulk1', _rev: '{{b1}}', _attachments: { x: { stub: true } } }] },
      status: 412,
      json: { error: 'missing_stub' },
    },
    { name: '_bulk_docs: and none is written', request: `GET ${D}/bulk5`, status: 404 },
    {
      name: '_bulk_docs: stubs, and a conflict beside them',
      request: `POST ${D}/_bulk_docs`,
      body: {
        docs: [
          { _id: 'bulk1', _rev: '{{b1}}', n: 1, _attachments: { h: { stub: true } } },
          { _id: 'bulk3', _rev: '1-abc', _attachments: { h: { stub: true } } },
          { _id: 'bulk4', _attachments: { h: { stub: true } } },
        ],
      },
      status: 201,
      json: [
        { id: 'bulk1', rev: /^2-/ },
        { id: 'bulk3', error: 'conflict' },
        { id: 'bulk4', error: 'conflict' },
      ],
    },
    {
      name: '_all_docs with contents',
      request: `POST ${D}/_all_docs?include_docs=true&attachments=true`,
      body: { keys: ['bulk1', 'bulk2', 'none', 'bulk3'] },
      status: 200,
      json: {
        rows: [
          { doc: { n: 1, _attachments: { h: { data: 'aGVsbG8=' } } } },
          { doc: { n: 2 } },
          { error: 'not_found' },
          { doc: { _attachments: { h: { data: 'aGVsbG8=' }, b: { data: 'Ynll' } } } },
        ],
      },
    },
    {
      name: '_all_docs without',
      request: `GET ${D}/_all_docs?include_docs=true&key="bulk3"`,
      status: 200,
      json: { rows: [{ doc: { _attachments: { h: { stub: true }, b: { stub: true } } } }] },
    },
    {
      name: '_changes with contents',
      request: `POST ${D}/_changes?include_docs=true&attachments=true&filter=_doc_ids`,
      body: { doc_ids: ['bulk3'] },
      status: 200,
      json: { results: [{ doc: { _attachments: { h: { data: 'aGVsbG8=' } } } }] },
    },
    {
      name: '_changes without',
      request: `POST ${D}/_changes?include_docs=true&filter=_doc_ids`,
      body: { doc_ids: ['bulk3'] },
      status: 200,
      json: { results: [{ doc: { _attachments: { h: { stub: true } } } }] },
      lacks: ['"data"'],
    },
    {
      name: '_changes as events, with contents',
      request: `GET ${D}/_changes?include_docs=true&attachments=true&feed=eventsource&timeout=1&doc_ids=["bulk3"]&filter=_doc_ids`,
      status: 200,
      contains: ['"data":"aGVsbG8="'],
      answers: { 'content-type': 'text/event-stream' },
    },
    {
      name: '_bulk_get with contents',
      request: `POST ${D}/_bulk_get?attachments=true&revs=true`,
      body: { docs: [{ id: 'bulk3' }, { id: 'bulk1', rev: '{{b1}}' }, { id: 'none' }] },
      status: 200,
      json: {
        results: [
          { docs: [{ ok: { _revisions: { start: 1 }, _attachments: { h: { data: 'aGVsbG8=' } } } }] },
          { docs: [{ ok: { _rev: '{{b1}}', _attachments: { h: { data: 'aGVsbG8=' } } } }] },
          { docs: [{ error: {} }] },
        ],
      },
    },
    {
      name: '_bulk_get with the newer contents of one line',
      request: `POST ${D}/_bulk_get`,
      body: { docs: [{ id: 'bulk1', atts_since: ['{{b1}}'] }, { id: 'bulk3', atts_since: [] }, { id: 'bulk4' }] },
      status: 200,
      json: {
        results: [
          { docs: [{ ok: { _attachments: { h: { stub: true } } } }] },
          { docs: [{ ok: { _attachments: { h: { data: 'aGVsbG8=' } } } }] },
          { docs: [{ ok: { _attachments: { h: { stub: true } } } }] },
        ],
      },
    },
    {
      name: 'open_revs with contents',
      request: `GET ${D}/bulk3?open_revs=all&attachments=true`,
      status: 200,
      json: [{ ok: { _attachments: { b: { data: 'Ynll' } } } }],
    },

    // as replication brings them
    {
      name: 'new_edits:false with contents',
      request: `POST ${D}/_bulk_docs`,
      body: {
        new_edits: false,
        docs: [
          {
            _id: 'rep',
            _rev: '2-b',
            _revisions: { start: 2, ids: ['b', 'a'] },
            _attachments: { h: { ...inlineHello, revpos: 1 } },
          },
          { _id: 'rep', _rev: '2-c', _revisions: { start: 2, ids: ['c', 'a'] }, _attachments: { b: { data: 'Ynll' } } },
        ],
      },
      status: 201,
      json: [],
    },
    {
      name: 'of every leaf',
      request: `GET ${D}/rep?open_revs=all`,
      status: 200,
      json: [
        { ok: { _rev: '2-c', _attachments: { b: { length: 3, revpos: 2 } } } },
        { ok: { _rev: '2-b', _attachments: { h: { ...helloStub, revpos: 1 } } } },
      ],
    },
    { name: 'read from each', request: `GET ${D}/rep/h?rev=2-b`, status: 200, contains: ['hello'] },
    {
      name: 'stubs of the ancestor, by name, and of another branch, by digest',
      request: `POST ${D}/_bulk_docs`,
      body: {
        new_edits: false,
        docs: [
          {
            _id: 'rep',
            _rev: '3-d',
            _revisions: { start: 3, ids: ['d', 'c', 'a'] },
            _attachments: { b: { stub: true } },
          },
          {
            _id: 'rep',
            _rev: '3-e',
            _revisions: { start: 3, ids: ['e', 'c', 'a'] },
            _attachments: { renamed: { stub: true, digest: `md5-${md5.hello}`, revpos: 1 } },
          },
        ],
      },
      status: 201,
      json: [],
    },
    { name: 'by name', request: `GET ${D}/rep/b?rev=3-d`, status: 200, contains: ['bye'] },
    { name: 'by digest', request: `GET ${D}/rep/renamed?rev=3-e`, status: 200, contains: ['hello'] },
    {
      name: 'a stub of what is not known here',
      request: `POST ${D}/_bulk_docs`,
      body: {
        new_edits: false,
        docs: [
          { _id: 'rep2', _rev: '1-a' },
          {
            _id: 'rep',
            _rev: '4-f',
            _revisions: { start: 4, ids: ['f', 'e'] },
            _attachments: { z: { stub: true, digest: 'md5-AAAAAAAAAAAAAAAAAAAAAA==' } },
          },
        ],
      },
      status: 412,
      json: { error: 'missing_stub' },
    },
    { name: 'nothing of it is stored', request: `GET ${D}/rep2`, status: 404 },
    {
      name: 'a stub in a revision that is known already is nothing new',
      request: `POST ${D}/_bulk_docs`,
      body: { new_edits: false, docs: [{ _id: 'rep', _rev: '2-b', _attachments: { q: { stub: true } } }] },
      status: 201,
      json: [],
    },
    {
      name: 'and changes nothing',
      request: `GET ${D}/rep?rev=2-b`,
      status: 200,
      json: { _attachments: { h: helloStub } },
      lacks: ['"q"'],
    },

    // design documents
    {
      name: 'a design document',
      request: `POST ${D}/_index`,
      body: { index: { fields: ['n'] }, ddoc: 'x', name: 'y' },
      status: 200,
    },
    { name: 'as it is', request: `GET ${D}/_design/x`, status: 200, save: { d1: '_rev' } },
    {
      name: 'an attachment of it',
      request: `PUT ${D}/_design/x/logo.png?rev={{d1}}`,
      body: 'hello',
      status: 201,
      json: { id: '_design/x' },
      save: { d2: 'rev' },
    },
    { name: 'read', request: `GET ${D}/_design/x/logo.png`, status: 200, contains: ['hello'] },
    { name: 'read with an encoded slash', request: `GET ${D}/_design%2Fx/logo.png`, status: 200, contains: ['hello'] },
    {
      name: 'its index stays',
      request: `POST ${D}/_find`,
      body: { selector: { n: { $gt: 2 } }, use_index: ['_design/x', 'y'] },
      status: 200,
      json: { docs: [{ _id: 'in' }] },
    },
    { name: 'removed', request: `DELETE ${D}/_design/x/logo.png?rev={{d2}}`, status: 200 },

    // mango sees stubs
    {
      name: 'an index on them',
      request: `POST ${D}/_index`,
      body: { index: { fields: ['_attachments.h.length'] }, ddoc: 'len' },
      status: 200,
    },
    {
      name: 'finds documents by them, and shows them',
      request: `POST ${D}/_find`,
      body: {
        selector: { '_attachments.h.length': 5 },
        fields: ['_id', '_attachments.h.content_type'],
        use_index: '_design/len',
      },
      status: 200,
      json: {
        docs: [
          { _id: 'bulk1', _attachments: { h: { content_type: 'text/plain' } } },
          { _id: 'bulk3' },
          { _id: 'bulk4' },
        ],
      },
    },

    // local documents have none
    {
      name: 'a local document',
      request: `PUT ${D}/_local/x`,
      body: { n: 1, _attachments: { a: { data: '' } } },
      status: 201,
    },
    { name: 'without', request: `GET ${D}/_local/x`, status: 200, json: { n: 1 }, lacks: ['_attachments'] },

    // who may
    { name: 'no token', request: `GET ${D}/in/h`, as: 'nobody', status: 401 },
    { name: 'no right to read', request: `GET ${D}/bulk1/h`, as: 'io.other.type', status: 403 },
    {
      name: 'a right to read this document',
      request: `GET ${D}/bulk1/h`,
      as: `${D.split('/')[2]}:GET:bulk1`,
      status: 200,
    },
    { name: 'not that one', request: `GET ${D}/bulk3/h`, as: `${D.split('/')[2]}:GET:bulk1`, status: 403 },
    {
      name: 'nor whether there is another',
      request: `GET ${D}/bulk9/h`,
      as: `${D.split('/')[2]}:GET:bulk1`,
      status: 403,
    },
    {
      name: 'reading is not writing',
      request: `PUT ${D}/bulk3/h?rev={{b3}}`,
      body: 'x',
      as: `${D.split('/')[2]}:GET,POST,DELETE`,
      status: 403,
    },
    {
      name: 'nor removing',
      request: `DELETE ${D}/bulk3/h?rev={{b3}}`,
      as: `${D.split('/')[2]}:GET,POST,PUT`,
      status: 403,
    },
    {
      name: 'not to another document',
      request: `PUT ${D}/bulk3/h?rev={{b3}}`,
      body: 'x',
      as: `${D.split('/')[2]}:PUT:bulk1`,
      status: 403,
    },
    {
      name: 'nor to a new one',
      request: `PUT ${D}/bulk9/h`,
      body: 'x',
      as: `${D.split('/')[2]}:POST:bulk1`,
      status: 403,
    },
    {
      name: 'to this one',
      request: `PUT ${D}/bulk3/h?rev={{b3}}`,
      body: 'x',
      as: `${D.split('/')[2]}:PUT:bulk3`,
      status: 201,
      save: { b3b: 'rev' },
    },
    {
      name: 'from this one',
      request: `DELETE ${D}/bulk3/h?rev={{b3b}}`,
      as: `${D.split('/')[2]}:DELETE:bulk3`,
      status: 200,
    },
    { name: 'a new one', request: `PUT ${D}/bulk10/h`, body: 'x', as: `${D.split('/')[2]}:POST`, status: 201 },
  ]
  scenarios(`attachments on ${D}`, openStage, rows)
}

scenarios('attachments on /couchdb alone', openStage, [
  {
    name: 'no database',
    request: 'PUT /couchdb/att.none/a/b',
    body: 'x',
    status: 404,
    json: { reason: 'Database does not exist.' },
  },
  {
    name: 'no database to read',
    request: 'GET /couchdb/att.none/a/b',
    status: 404,
    json: { reason: 'Database does not exist.' },
  },
  { name: 'one', request: 'PUT /couchdb/att.couch', status: 201 },
  {
    name: 'a document',
    request: 'PUT /couchdb/att.couch/a/b',
    body: 'hello',
    status: 201,
    answers: { location: '/couchdb/att.couch/a/b' },
    save: { rev: 'rev' },
  },
  {
    name: 'a revision that is not there',
    request: 'PUT /couchdb/att.couch/a/c?rev=1-abc',
    body: 'x',
    status: 409,
    json: { error: 'not_found', reason: 'missing_rev' },
  },
  {
    name: 'the same of a removal',
    request: 'DELETE /couchdb/att.couch/a/b?rev=1-abc',
    status: 409,
    json: { error: 'not_found', reason: 'missing_rev' },
  },
  {
    name: 'a copy',
    request: 'COPY /couchdb/att.couch/a',
    headers: { destination: 'copy' },
    status: 201,
    json: { rev: '{{rev}}' },
  },
  { name: 'has the attachment', request: 'GET /couchdb/att.couch/copy/b', status: 200, contains: ['hello'] },
  {
    name: 'PUT with new_edits=false',
    request: 'PUT /couchdb/att.couch/given?new_edits=false',
    body: { _rev: '3-x', _attachments: { a: { data: 'aGVsbG8=' } } },
    status: 201,
    json: { rev: '3-x' },
  },
  { name: 'has it too', request: 'GET /couchdb/att.couch/given/a', status: 200, contains: ['hello'] },
  {
    name: 'a name that CouchDB keeps for itself',
    request: 'GET /couchdb/att.couch/a/_b',
    status: 404,
    json: { reason: 'missing' },
  },
  { name: 'JavaScript', request: 'GET /couchdb/att.couch/_design/d/_view/v', status: 501 },
  { name: 'compaction', request: 'POST /couchdb/att.couch/_compact', body: {}, status: 202 },
  { name: 'leaves what is attached', request: 'GET /couchdb/att.couch/a/b', status: 200, contains: ['hello'] },
])

scenarios('attachments on /data alone', openStage, [
  {
    name: 'an unknown doctype comes into being',
    request: 'PUT /data/att.made/a/b',
    body: 'hello',
    status: 201,
    json: { rev: /^1-/ },
  },
  {
    name: 'by an inline one too',
    request: 'PUT /data/att.inline/a',
    body: { _attachments: { b: { data: 'aGVsbG8=' } } },
    status: 200,
    json: { data: { _id: 'a', _type: 'att.inline', _attachments: { b: { stub: true, length: 5 } } } },
  },
  {
    name: 'POST',
    request: 'POST /data/att.inline',
    body: { n: 1, _attachments: { b: { data: 'aGVsbG8=' } } },
    status: 201,
    json: { data: { n: 1, _attachments: { b: { stub: true } } } },
  },
  {
    name: 'by _bulk_docs too',
    request: 'POST /data/att.bulk/_bulk_docs',
    body: { docs: [{ _id: 'a', _attachments: { b: { data: 'aGVsbG8=' } } }] },
    status: 201,
    json: [{ ok: true }],
  },
  {
    name: 'as replicated',
    request: 'POST /data/att.rep/_bulk_docs',
    body: { new_edits: false, docs: [{ _id: 'a', _rev: '1-a', _attachments: { b: { data: 'aGVsbG8=' } } }] },
    status: 201,
    json: [],
  },
  { name: 'with its content', request: 'GET /data/att.rep/a/b', status: 200, contains: ['hello'] },
  {
    name: 'an unknown doctype has none',
    request: 'GET /data/att.nothing/a/b',
    status: 404,
    json: { reason: 'wrong_doctype' },
  },
  {
    name: 'a reserved doctype',
    request: 'PUT /data/io.cozy.files/a/b',
    body: 'x',
    status: 403,
    contains: ['reserved doctype io.cozy.files unwritable'],
  },
  { name: 'one that cannot be read', request: 'GET /data/io.cozy.sessions/a/b', status: 403, contains: ['unreadable'] },
  {
    name: 'nothing below relationships is an attachment',
    request: 'GET /data/att.made/a/relationships/photo',
    status: 404,
    json: { error: 'code=404, message=Not Found' },
  },
  {
    name: 'in no way',
    request: 'PUT /data/att.made/x/relationships',
    body: 'x',
    status: 404,
    json: { error: 'code=404, message=Not Found' },
  },
  { name: 'names may begin so', request: 'PUT /data/att.made/x/relationships.txt', body: 'x', status: 201 },
])

describe('chunked bodies', () => {
  test.each(['/data/att.chunked', '/couchdb/att.chunked'])('on %s', async (D) => {
    const stage = await openStage()
    const auth = { authorization: `Bearer ${await stage.token('*')}` }
    await stage.fetch('/data/att.chunked', { method: 'PUT', headers: auth })
    const path = `${D}/${D.split('/')[1]}/a`
    const chunked = { ...auth, 'transfer-encoding': 'chunked' }
    const put = await stage.fetch(path, { method: 'PUT', headers: chunked, body: 'x'.repeat(200_000) })
    expect(put.status).toBe(201)
    const got = await stage.fetch(path, { method: 'GET', headers: auth })
    expect(got.headers.get('content-length')).toBe('200000')
    expect(await got.text()).toBe('x'.repeat(200_000))
  })
})
