import { z } from '@hono/zod-openapi'
import { Problem } from '../../src/model/errors.ts'
import { endpoint, type Face } from '../http/endpoint.ts'
import { type HttpContext, header } from '../http/router.ts'
import { addressOf } from './access.ts'
import { accepted, done, downloadAnswer, jsonAnswer, plainAnswer } from './answer.ts'
import { readForm, storeUpload, textField, textForm } from './request.ts'
import { AcceptedBody, FormOf, needs, StatusBody } from './schemas.ts'
import type { ApplianceServices } from './services.ts'

/** Backups of everything that Hearth keeps: `GET, POST /backup`, `GET /backup/download`, `GET /backup/log`, `POST /backup/restore`. */
export function backupRoutes(face: Face, { appliance, log }: ApplianceServices): void {
  const { backup } = appliance
  const report = (c: HttpContext, action: string, target: string, status: number) =>
    appliance.audit.write({ action, target, address: addressOf(c), agent: header(c, 'user-agent'), status })
  endpoint(
    face,
    {
      method: 'POST',
      path: '/api/v1/admin/backup',
      summary: 'Start a backup, or stop and delete it',
      tag: 'backup',
      needs,
      body: FormOf('action: START or STOP'),
      bodyMedia: 'multipart/form-data',
      answers: { 202: AcceptedBody, 400: 'Another action, or a backup is running' },
    },
    async (c) => {
      const action = textField(await readForm(c, appliance, textForm), 'action')?.toUpperCase()
      if (action !== 'START' && action !== 'STOP') {
        throw new Problem('bad_request', "Missing or invalid option: action. Expected value 'START' or 'STOP'")
      }
      if (action === 'STOP') await backup.stop()
      else {
        await backup.procedure.reserve()
        await backup.start()
      }
      await report(c, 'backup.post', action, 202)
      return accepted('/api/v1/admin/backup')
    },
  )
  endpoint(
    face,
    {
      method: 'GET',
      path: '/api/v1/admin/backup',
      summary: 'How the last backup went',
      tag: 'backup',
      needs,
      answers: {
        200: z.object({ status: z.string(), filesize: z.string().optional(), sha256: z.string().optional() }),
        404: 'There is no backup',
      },
    },
    async () => jsonAnswer(200, known(await backup.state())),
  )
  endpoint(
    face,
    {
      method: 'GET',
      path: '/api/v1/admin/backup/download',
      summary: 'The finished backup',
      tag: 'backup',
      needs,
      answers: { 200: 'A download', 404: 'There is no backup' },
    },
    async (c) => {
      const { size, bytes } = known(await backup.download())
      await report(c, 'backup.download', 'backup.tar', 200)
      const failed = (error: unknown) => log.warning('a download was cut short', { name: 'backup.tar', error })
      return downloadAnswer(c, { name: 'backup.tar', size, bytes, failed })
    },
  )
  endpoint(
    face,
    {
      method: 'GET',
      path: '/api/v1/admin/backup/log',
      summary: 'The log of the backups',
      tag: 'backup',
      needs,
      answers: { 200: 'Plain text', 404: 'There was none' },
    },
    async () => plainAnswer(known(await backup.procedure.log.read())),
  )
  endpoint(
    face,
    {
      method: 'POST',
      path: '/api/v1/admin/backup/restore',
      summary: 'Restore a backup, and answer when it is done',
      tag: 'backup',
      needs,
      body: FormOf('archive: a backup, as a file'),
      bodyMedia: 'multipart/form-data',
      answers: { 200: StatusBody, 400: 'The archive is missing or not valid; everything is as before' },
    },
    async (c) => {
      const { procedure } = appliance.restore
      await procedure.reserve()
      let upload: Awaited<ReturnType<typeof storeUpload>>
      try {
        const { restoreBytes: maxBytes } = appliance.limits()
        upload = await storeUpload(c, appliance, { field: 'archive', fileName: 'backup-archive.tar', maxBytes })
      } catch (error) {
        procedure.release()
        throw error
      }
      await appliance.restore.run(upload)
      await report(c, 'backup.restore', 'backup.tar', 200)
      return done()
    },
  )
}

function known<T>(value: T | undefined): T {
  if (value === undefined) throw new Problem('not_found', '')
  return value
}
