/** Keys from an instance's secrets, for what is signed besides tokens. */
import type { Instance } from '../instances/service.ts'

/** For cookies and forms. Throws when the instance has no usable secret: with an empty key anyone could sign. */
export function sessionKey(instance: Pick<Instance, 'document'>): Buffer {
  return secretOf(instance, 'session_secret')
}

/** For what OAuth clients hold. */
export function clientKey(instance: Pick<Instance, 'document'>): Buffer {
  return secretOf(instance, 'oauth_secret')
}

function secretOf({ document }: Pick<Instance, 'document'>, name: string): Buffer {
  const text = document[name]
  const bytes = Buffer.from(typeof text === 'string' ? text : '', 'base64')
  if (bytes.length < 32) throw new Error(`an instance has no usable ${name}`)
  return bytes
}
