import { afterAll } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { minioProgram, sharedMinio } from '../support/minio.ts'
import { objectStoreSuite } from './objects.ts'

const root = mkdtempSync(join(tmpdir(), 'hearth-objects-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))

let count = 0
objectStoreSuite('folder', async () => pathToFileURL(join(root, `${++count}`)).href)
if (minioProgram() !== undefined) objectStoreSuite('MinIO', async () => (await sharedMinio()).newUrl())
