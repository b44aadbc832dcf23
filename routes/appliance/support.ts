import { takeBuilt } from '../../src/appliance/bundles.ts'
import { Problem } from '../../src/model/errors.ts'
import { endpoint, type Face } from '../http/endpoint.ts'
import { type HttpContext, header } from '../http/router.ts'
import { addressOf } from './access.ts'
import { accepted, downloadAnswer } from './answer.ts'
import { needs, StatusBody } from './schemas.ts'
import type { ApplianceServices } from './services.ts'

/** Downloads for troubleshooting, and the restart: `/logs`, `/debug`, `/reboot`. */
export function supportRoutes(face: Face, { appliance, log }: ApplianceServices): void {
  const report = (c: HttpContext, action: string, status: number) =>
    appliance.audit.write({ action, address: addressOf(c), agent: header(c, 'user-agent'), status })
  const answers = { 200: 'A download', 400: 'It cannot be made', 404: 'It is not available' }

  const download = async (c: HttpContext, name: string, action: string, make: typeof appliance.support.debug) => {
    const built = await make().catch((cause: unknown) => {
      log.error('a download for support cannot be made', { name, error: cause })
      throw new Problem('bad_request', `${name} cannot be made`, { cause })
    })
    if (built === undefined) throw new Problem('not_found', '')
    await report(c, action, 200)
    const failed = (error: unknown) => log.warning('a download was cut short', { name, error })
    return downloadAnswer(c, { name, size: built.size, bytes: takeBuilt(built), failed })
  }

  endpoint(
    face,
    {
      method: 'GET',
      path: '/api/v1/admin/logs',
      summary: 'Log files, as a gzipped tar',
      tag: 'support',
      needs,
      answers,
    },
    (c) => download(c, 'logs.tar.gz', 'logs.get', appliance.support.logs),
  )
  endpoint(
    face,
    {
      method: 'GET',
      path: '/api/v1/admin/debug',
      summary: 'A debug bundle, as a tar of enciphered archives',
      tag: 'support',
      needs,
      answers,
    },
    (c) => download(c, 'debug-bundle.tar', 'debug.get', appliance.support.debug),
  )
  endpoint(
    face,
    {
      method: 'GET',
      path: '/api/v1/admin/reboot',
      summary: 'Restart the machine after a backup',
      tag: 'administration',
      needs,
      answers: { 202: StatusBody, 400: 'An update is being installed, or a restore runs' },
    },
    async (c) => {
      // Browsers fetch links before anyone follows them.
      const purpose = `${header(c, 'sec-purpose') ?? ''} ${header(c, 'purpose') ?? ''}`
      if (/prefetch|prerender/i.test(purpose)) throw new Problem('bad_request', 'This is not for prefetching')
      const refusal = appliance.reboot.refusal()
      if (refusal !== undefined) throw new Problem('bad_request', refusal)
      await report(c, 'reboot.post', 202)
      appliance.reboot.begin()
      return accepted()
    },
  )
}
