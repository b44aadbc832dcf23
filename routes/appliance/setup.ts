import { checkText, field } from '../../src/appliance/fields.ts'
import { isToken } from '../../src/appliance/request-hash.ts'
import { Problem } from '../../src/model/errors.ts'
import { endpoint, type Face } from '../http/endpoint.ts'
import { header } from '../http/router.ts'
import { addressOf } from './access.ts'
import { done } from './answer.ts'
import { readForm, textField, textForm } from './request.ts'
import { FormOf, StatusBody } from './schemas.ts'
import type { ApplianceServices } from './services.ts'

/** `POST /setup`: the first token, and every later one. */
export function setupRoute(face: Face, { appliance }: ApplianceServices): void {
  endpoint(
    face,
    {
      method: 'POST',
      path: '/api/v1/admin/setup',
      summary: 'Set the API token',
      tag: 'setup',
      needs: 'the present token, where there is one',
      body: FormOf('newtoken: 1 to 255 printable ASCII characters without spaces'),
      bodyMedia: 'multipart/form-data',
      answers: { 200: StatusBody, 400: 'The new token is missing or not allowed', 403: 'After 2 s: not authenticated' },
    },
    async (c) => {
      const { token, audit, guesses } = appliance
      const address = addressOf(c)
      const first = token.isMissing
      const value = textField(await readForm(c, appliance, textForm), 'newtoken')
      if (value === undefined || value === '') throw new Problem('bad_request', '')
      if (!isToken(value)) checkText('newtoken', value, field('printable', 1, 255, true))
      const target = 'api/v1/admin/setup'
      const agent = header(c, 'user-agent')
      if (!first) await token.replace(value)
      else if (!(await token.setFirst(value))) {
        // Someone else was first, and this request has no token.
        await guesses.pause()
        await audit.write({ action: 'token.setup.failed', target, address, agent, status: 403 })
        throw new Problem('forbidden', '')
      }
      await audit.write({ action: 'token.update.success', target, address, agent, status: 200 })
      return done()
    },
  )
}
