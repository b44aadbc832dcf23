/** The files that a document uses, page by page, and how a refusal is told below `/data`. */
import { type Scenario, scenarios } from '../scenarios.ts'
import { openStage } from '../stage.ts'

const R = '/data/io.cozy.photos.albums/pages/relationships/references'
const text = { 'content-type': 'text/plain' }
const names = ['a', 'b', 'c', 'd', 'e']

scenarios('references', openStage, [
  ...names.flatMap((name): Scenario[] => [
    {
      name: `file ${name}`,
      request: `POST /files/?Type=file&Name=references-${name}.txt&CreatedAt=2020-01-0${names.indexOf(name) + 1}T00:00:00Z`,
      body: name,
      headers: text,
      status: 201,
      save: { [name]: 'data.id' },
    },
    {
      name: `is used (${name})`,
      request: `POST ${R}`,
      body: { data: [{ type: 'io.cozy.files', id: `{{${name}}}` }] },
      status: 204,
    },
  ]),
  {
    name: 'page[skip] with sort',
    request: `GET ${R}?sort=datetime&page[skip]=1&page[limit]=2`,
    status: 200,
    json: { data: [{ id: '{{b}}' }, { id: '{{c}}' }], meta: { count: 5 }, links: { next: /page%5Bskip%5D=3/ } },
  },
  {
    name: 'in the other direction',
    request: `GET ${R}?sort=-datetime&page[skip]=3&page[limit]=2`,
    status: 200,
    json: { data: [{ id: '{{b}}' }, { id: '{{a}}' }], links: {} },
  },
  { name: 'behind the end', request: `GET ${R}?page[skip]=9`, status: 200, json: { data: [], meta: { count: 5 } } },
  ...(
    [
      ['a sort that does not exist', `GET ${R}?sort=name`, undefined, 400, 'Bad Request(400): Invalid sort parameter'],
      ['a body that is malformed', `POST ${R}`, { data: 1 }, 400, /^Bad Request\(400\): /],
      [
        'a file that does not exist',
        `POST ${R}`,
        { data: [{ type: 'io.cozy.files', id: 'never' }] },
        404,
        'Not Found(404): file does not exist',
      ],
    ] as const
  ).map(
    ([name, request, body, status, error]): Scenario => ({
      name,
      request,
      ...(body === undefined ? {} : { body }),
      status,
      json: { error },
      answers: { 'content-type': 'application/json' },
    }),
  ),
  {
    name: 'a token for something else',
    request: `GET ${R}`,
    as: 'io.cozy.notes',
    status: 403,
    json: { error: 'code=403, message=Forbidden' },
  },
  {
    name: 'no token',
    request: `GET ${R}`,
    as: 'nobody',
    status: 401,
    json: { error: 'code=401, message=No token in request' },
  },
])
