import postgres from 'postgres'
import { documentStoreSuite } from '../conformance/documents.ts'
import { openPostgresDocuments } from '../../storage/postgres/documents.ts'
import { indexCompiler as compiler } from '../../src/documents/mango/index-compiler.ts'
documentStoreSuite('dev', async () => {
  const a = postgres({ host: '/tmp/devpg', user: 'hearth', database: 'postgres', max: 1 })
  const name = 'suite' + Date.now()
  await a.unsafe('create database ' + name); await a.end()
  return openPostgresDocuments({ target: { host: '/tmp/devpg', database: name, user: 'hearth' }, maxConnections: 8, compiler, sweepEveryMs: 500 })
})
