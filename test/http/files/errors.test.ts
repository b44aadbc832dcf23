/** The table of refusals, row by row, with the words that clients know. */
import { beforeAll } from 'bun:test'
import { type Scenario, scenarios } from '../scenarios.ts'
import { openDrive, startDrives } from './drive.ts'

beforeAll(startDrives, 60_000)

const error = (status: number, title: string, detail: string, source: object = {}) => ({
  errors: [{ status: `${status}`, title, detail, source }],
})
const jsonApi = { 'content-type': 'application/vnd.api+json' }
const patch = (attributes: object) => ({ body: { data: { attributes } } })

/** A request that is refused: its status is that of the body. */
function refused(
  name: string,
  request: string,
  json: ReturnType<typeof error>,
  more: Partial<Scenario> = {},
): Scenario {
  return { name, request, status: Number(json.errors[0]?.status), json, answers: jsonApi, ...more }
}

const noFile = error(404, 'Not Found', 'file does not exist')
const taken = error(409, 'Conflict', 'file already exists')
const parentNotFound = error(404, 'Not Found', 'Parent directory with given DirID does not exist')
const inTrash = error(404, 'Not Found', 'Parent directory is in the trash')
const malformed = error(400, 'Bad Request', 'JSON input is malformed or is missing mandatory fields')
const special = error(400, 'Bad Request', 'This directory cannot be changed')
const illegalName = error(422, 'Invalid Parameter', 'Invalid filename: empty or contains an illegal character', {
  parameter: 'name',
})

scenarios('refusals', openDrive, [
  { name: 'a directory', request: 'POST /files/?Type=directory&Name=dir', status: 201, save: { dir: 'data.id' } },
  { name: 'below it', request: 'POST /files/{{dir}}?Type=directory&Name=sub', status: 201, save: { sub: 'data.id' } },
  {
    name: 'a file',
    request: 'POST /files/{{dir}}?Type=file&Name=a.txt',
    body: 'hello',
    status: 201,
    save: { file: 'data.id', rev: 'data.meta.rev' },
  },
  { name: 'a file that is trashed', request: 'POST /files/?Type=file&Name=old', status: 201, save: { old: 'data.id' } },
  { name: 'into the trash', request: 'DELETE /files/{{old}}', status: 200 },
  {
    name: 'a directory that is trashed',
    request: 'POST /files/?Type=directory&Name=gone',
    status: 201,
    save: { gone: 'data.id' },
  },
  { name: 'into the trash too', request: 'DELETE /files/{{gone}}', status: 200 },

  ...['', '?Type=', '?Type=folder', '?Type=directory,file'].map((query) =>
    refused(
      `a type that is none: ${query}`,
      `POST /files/${query}`,
      error(422, 'Invalid Attribute', 'Invalid document type', { pointer: '/data/attributes/type' }),
    ),
  ),
  refused('the name of a file for a file', 'POST /files/{{dir}}?Type=file&Name=a.txt', taken, { body: 'x' }),
  refused('the name of a file for a directory', 'POST /files/{{dir}}?Type=directory&Name=a.txt', taken),
  refused('the name of a directory for a file', 'POST /files/{{dir}}?Type=file&Name=sub', taken),
  refused('the name of a directory for a directory', 'POST /files/{{dir}}?Type=directory&Name=sub', taken),
  refused('a taken name by renaming', 'PATCH /files/{{file}}', taken, patch({ name: 'sub' })),
  refused('a taken name by moving', 'PATCH /files/{{sub}}', taken, {
    body: { data: { attributes: { name: 'dir', dir_id: 'io.cozy.files.root-dir' } } },
  }),

  ...[
    'GET /files/nowhere',
    'GET /files/metadata?Path=/nowhere',
    'GET /files/metadata?Path=/dir/a.txt/b',
    'GET /files/nowhere/size',
    'GET /files/nowhere/relationships/contents',
    'PUT /files/nowhere',
    'DELETE /files/nowhere',
    'POST /files/nowhere/copy',
    'POST /files/trash/nowhere',
    'DELETE /files/trash/nowhere',
  ].map((request) => refused(`nothing there: ${request}`, request, noFile)),
  refused('nothing there: PATCH', 'PATCH /files/nowhere', noFile, patch({ name: 'x' })),
  refused('nothing there: PATCH by path', 'PATCH /files/metadata?Path=/nowhere', noFile, patch({ name: 'x' })),
  refused('nothing there: referenced_by', 'POST /files/nowhere/relationships/referenced_by', noFile, {
    body: { data: [{ type: 'a', id: 'b' }] },
  }),
  { name: 'nothing there: HEAD', request: 'HEAD /files/nowhere', status: 404 },

  refused('an unknown parent for a file', 'POST /files/nowhere?Type=file&Name=x', parentNotFound, { body: 'x' }),
  refused('an unknown parent for a directory', 'POST /files/nowhere?Type=directory&Name=x', parentNotFound),
  refused('a file as parent', 'POST /files/{{file}}?Type=directory&Name=x', parentNotFound),
  refused('an unknown parent for a copy', 'POST /files/{{file}}/copy?DirID=nowhere', parentNotFound),
  refused('an unknown parent to move to', 'PATCH /files/{{file}}', parentNotFound, patch({ dir_id: 'nowhere' })),
  refused('the trash as parent of a file', 'POST /files/io.cozy.files.trash-dir?Type=file&Name=x', inTrash),
  refused('the trash as parent of a directory', 'POST /files/io.cozy.files.trash-dir?Type=directory&Name=x', inTrash),
  refused('a trashed directory as parent', 'POST /files/{{gone}}?Type=file&Name=x', inTrash, { body: 'x' }),

  ...['', 'Name=', 'Name=.', 'Name=..', 'Name=a%2Fb', 'Name=a%00b', 'Name=a%0Db', 'Name=a%0Ab'].flatMap((name) =>
    ['directory', 'file'].map((type) =>
      refused(`an illegal name for a ${type}: ${name}`, `POST /files/?Type=${type}&${name}`, illegalName),
    ),
  ),
  refused('an illegal name by renaming', 'PATCH /files/{{file}}', illegalName, patch({ name: 'a/b' })),
  refused('no name by renaming', 'PATCH /files/{{file}}', illegalName, patch({ name: '' })),

  ...['POST /files/?Type=file&Name=x', 'PUT /files/{{file}}'].flatMap((request) =>
    ['nonsense', 'text/', 'a b/c'].map((type) =>
      refused(
        `a media type that is none: ${type} in ${request}`,
        request,
        error(422, 'Invalid Parameter', 'Invalid Content-Type', { parameter: 'mime' }),
        { body: 'x', headers: { 'content-type': type } },
      ),
    ),
  ),
  refused(
    'changed before it was made',
    'PATCH /files/{{file}}',
    error(422, 'Invalid Parameter', 'Invalid time given', { parameter: 'UpdatedAt' }),
    patch({ updated_at: '1990-01-01T00:00:00Z' }),
  ),
  ...['x', '5d41402abc4b2a76b9719d911017c592'].map((md5) =>
    refused(
      `a sum that is none: ${md5}`,
      'POST /files/?Type=file&Name=x',
      error(422, 'Invalid Parameter', 'Given Content-MD5 is invalid', { parameter: 'Content-MD5' }),
      { body: 'x', headers: { 'content-md5': md5 } },
    ),
  ),
  ...['POST /files/?Type=file&Name=x', 'PUT /files/{{file}}'].flatMap((request) => [
    refused(
      `another sum: ${request}`,
      request,
      error(412, 'Precondition Failed', 'Invalid hash', { parameter: 'Content-MD5' }),
      { body: 'other', headers: { 'content-md5': 'XUFAKrxLKna5cZ2REBfFkg==' } },
    ),
    ...['4', '6'].map((size) =>
      refused(
        `${size} bytes announced, 5 sent: ${request}`,
        `${request}${request.includes('?') ? '&' : '?'}Size=${size}`,
        error(412, 'Precondition Failed', 'Content length does not match', { parameter: 'Content-Length' }),
        { body: 'other', headers: { 'transfer-encoding': 'chunked' } },
      ),
    ),
    refused(
      `a size that is none: ${request}`,
      `${request}${request.includes('?') ? '&' : '?'}Size=many`,
      error(422, 'Invalid Parameter', 'Size must be a number of bytes, not many', { parameter: 'Size' }),
      { body: 'other', headers: { 'transfer-encoding': 'chunked' } },
    ),
  ]),
  ...['DELETE /files/{{file}}', 'PUT /files/{{file}}', 'PATCH /files/{{file}}'].flatMap((request) =>
    [{ 'if-match': '1-other' }, undefined].map((headers) =>
      refused(
        `another revision by ${headers ? 'If-Match' : 'rev'}: ${request}`,
        headers ? request : `${request}?rev=1-other`,
        error(412, 'Precondition Failed', 'Revision does not match', { parameter: 'If-Match' }),
        { ...(headers ? { headers } : {}), ...(request.startsWith('PATCH') ? patch({ name: 'b' }) : {}) },
      ),
    ),
  ),
  ...['dir', 'sub'].map((into) =>
    refused(
      `a directory into ${into === 'dir' ? 'itself' : 'what is below it'}`,
      'PATCH /files/{{dir}}',
      error(412, 'Precondition Failed', 'Forbidden document move', { parameter: 'dir-id' }),
      patch({ dir_id: `{{${into}}}` }),
    ),
  ),
  refused(
    'twice into the trash',
    'DELETE /files/{{old}}',
    error(400, 'Bad Request', 'File or directory is already in the trash'),
  ),
  ...['POST', 'DELETE'].map((method) =>
    refused(
      `${method} in the trash of what is not there`,
      `${method} /files/trash/{{file}}`,
      error(400, 'Bad Request', 'File or directory is not in the trash'),
    ),
  ),
  refused(
    'a relative path',
    'GET /files/metadata?Path=dir/a.txt',
    error(400, 'Bad Request', 'Given path should be absolute'),
  ),
  refused('no path', 'GET /files/metadata', error(400, 'Bad Request', 'Given path should be absolute')),
  refused(
    'a path that is relative, for a directory',
    'POST /files/?Type=directory&Path=a/b&Recursive=true',
    error(400, 'Bad Request', 'Given path should be absolute'),
  ),
  ...['root-dir', 'trash-dir'].flatMap((name) => [
    refused(`a change of ${name}`, `PATCH /files/io.cozy.files.${name}`, special, patch({ name: 'x' })),
    refused(`${name} into the trash`, `DELETE /files/io.cozy.files.${name}`, special),
    refused(`the end of ${name}`, `PATCH /files/io.cozy.files.${name}`, special, patch({ permanent_delete: true })),
  ]),
  refused(
    'more than 5 GiB',
    'POST /files/?Type=file&Name=huge&Size=6000000000',
    error(413, 'Request Entity Too Large', 'The file is too big and exceeds the filesystem maximum file size'),
    { body: 'x', headers: { 'transfer-encoding': 'chunked' } },
  ),
  refused(
    'a MetadataID that nobody knows',
    'POST /files/?Type=file&Name=x&MetadataID=nothing',
    error(422, 'Invalid Parameter', 'Invalid or expired MetadataID', { parameter: 'MetadataID' }),
    { body: 'x' },
  ),
  refused(
    'contents of a file',
    'GET /files/{{file}}/relationships/contents',
    error(400, 'Bad Request', 'This is a file, not a directory'),
  ),
  refused(
    'size below a file',
    'GET /files/{{file}}/size',
    error(400, 'Bad Request', 'This is a file, not a directory'),
  ),

  ...['', 'x', '[]', '{}', '{"data":null}', '{"data":{"attributes":1}}', '{"data":{"attributes":{"name":1}}}'].map(
    (body) => refused(`a body that is malformed: ${body}`, 'PATCH /files/{{file}}', malformed, { body }),
  ),
  ...['', '{}', '{"data":{}}', '{"data":{"attributes":[]}}'].map((body) =>
    refused(`metadata that are malformed: ${body}`, 'POST /files/upload/metadata', malformed, { body }),
  ),
  ...['{}', '{"data":{}}', '{"data":[{"type":"a"}]}', '{"data":[1]}', '{"data":[{"type":"","id":"x"}]}'].map((body) =>
    refused(`references that are malformed: ${body}`, 'POST /files/{{file}}/relationships/referenced_by', malformed, {
      body,
    }),
  ),
  ...['[]', '{"keys":"a"}', '{"keys":[1]}'].map((body) =>
    refused(`keys that are malformed: ${body}`, 'POST /files/_all_docs', malformed, { body }),
  ),
  ...['{"data":{"id":"x"}}', '{"data":[{"id":"x"}]}', '{"data":[{"attributes":{"name":"x"}}]}'].map((body) =>
    refused(`a batch that is malformed: ${body}`, 'PATCH /files/', malformed, { body }),
  ),
  refused('a query that is no UTF-8', 'POST /files/?Type=file&Name=%FF', error(400, 'Bad Request', 'Name=%FF'), {
    json: { errors: [{ status: '400' }] },
  }),

  ...[
    'PUT /files/trash',
    'GET /files/_find',
    'DELETE /files/_changes',
    'PATCH /files/_all_docs',
    'GET /files',
    'PUT /files/shared-drives',
  ].map(
    (request): Scenario => ({
      name: `a wrong method on a fixed name: ${request}`,
      request,
      status: 405,
      json: { errors: [{ status: '405', title: 'Method Not Allowed' }] },
      answers: { allow: /[A-Z]/ },
    }),
  ),
  refused('an unknown path', 'GET /files/a/b/c/d', error(404, 'Not Found', 'Not Found')),
  {
    name: 'nothing was changed by all that',
    request: 'GET /files/{{file}}',
    status: 200,
    json: { data: { meta: { rev: '{{rev}}' } } },
  },
  {
    name: 'nor made',
    request: 'GET /files/io.cozy.files.root-dir',
    status: 200,
    json: { data: { relationships: { contents: { meta: { count: 1 } } } } },
  },
])

scenarios('without room', () => openDrive({ quota: 10 }), [
  {
    name: 'a file that fits',
    request: 'POST /files/?Type=file&Name=a',
    body: '12345678',
    status: 201,
    save: { a: 'data.id' },
  },
  ...[
    ['announced', {}],
    ['not announced', { 'transfer-encoding': 'chunked' }],
  ].flatMap(([how, headers]) =>
    ['POST /files/?Type=file&Name=b', 'PUT /files/{{a}}'].map((request) =>
      refused(
        `too many bytes, ${how}: ${request}`,
        request,
        error(413, 'Request Entity Too Large', 'The file is too big and exceeds the disk quota'),
        { body: '123', headers: headers as Record<string, string> },
      ),
    ),
  ),
  refused(
    'a copy',
    'POST /files/{{a}}/copy',
    error(413, 'Request Entity Too Large', 'The file is too big and exceeds the disk quota'),
  ),
  { name: 'the last bytes', request: 'POST /files/?Type=file&Name=b', body: '12', status: 201 },
  {
    name: 'usage',
    request: 'GET /settings/disk-usage?include=trash',
    status: 200,
    json: {
      data: {
        type: 'io.cozy.settings',
        id: 'io.cozy.settings.disk-usage',
        attributes: { used: '10', quota: '10', files: '10', versions: '0', trash: '0' },
        links: { self: '/settings/disk-usage' },
      },
    },
  },
  { name: 'the trash takes room', request: 'DELETE /files/{{a}}', status: 200 },
  {
    name: 'as usage says',
    request: 'GET /settings/disk-usage?include=trash',
    status: 200,
    json: { data: { attributes: { used: '10', files: '10', trash: '8' } } },
  },
  { name: 'until it is empty', request: 'DELETE /files/trash', status: 204 },
  {
    name: 'usage without trash',
    request: 'GET /settings/disk-usage',
    status: 200,
    json: { data: { attributes: { used: '2' } } },
    lacks: ['trash'],
  },
])
