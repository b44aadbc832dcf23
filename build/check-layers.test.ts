import { describe, expect, test } from 'bun:test'
import { wrongImports } from './check-layers.ts'

describe('imports against the drawing', () => {
  test.each([
    ['routes/data/read.ts', '../../storage/postgres/documents.ts'],
    ['routes/data/read.ts', '../../src/app.ts'],
    ['src/documents/writing.ts', '../../routes/http/answer.ts'],
    ['src/documents/writing.ts', '../../storage/postgres/documents.ts'],
    ['src/cli/serve.ts', '../../routes/http/answer.ts'],
    ['src/model/errors.ts', '../log.ts'],
    ['storage/postgres/trees.ts', '../../src/documents/document.ts'],
    ['storage/postgres/trees.ts', '../objects/folder/path.ts'],
    ['storage/documents/contract.ts', '../postgres/connection.ts'],
  ])('%s may not import %s', (file, target) => {
    expect(wrongImports(file, `import { x } from '${target}'`)).toHaveLength(1)
    expect(wrongImports(file, `await import('${target}')`)).toHaveLength(1)
  })

  test.each([
    ['routes/data/read.ts', '../../src/documents/service.ts'],
    ['routes/data/read.ts', '../../storage/documents/contract.ts'],
    ['src/app.ts', '../routes/data/routes.ts'],
    ['src/store.ts', '../storage/postgres/documents.ts'],
    ['src/documents/writing.ts', '../../storage/documents/contract.ts'],
    ['src/model/json/exact.ts', '../errors.ts'],
    ['storage/postgres/trees.ts', '../../src/model/revision.ts'],
    ['storage/postgres/files/files.ts', '../../files/contract.ts'],
  ])('%s may import %s', (file, target) => {
    expect(wrongImports(file, `import { x } from '${target}'`)).toEqual([])
  })
})
