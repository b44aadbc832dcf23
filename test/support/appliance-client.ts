/** Asks an appliance's API as its clients do. */
import { createHash, createHmac } from 'node:crypto'
import { type HttpClient, openHttpClient } from './http.ts'

export const prefix = '/api/v1/admin'

export interface FormPart {
  readonly name: string
  /** Makes it a file. */
  readonly file?: string
  readonly content: string | Uint8Array
}

export interface ApplianceClient {
  readonly http: HttpClient
  readonly url: string
  /** Sends a request with a hash for it. `path` is behind the prefix. */
  get(path: string, query?: string): Promise<Response>
  post(path: string, parts: readonly FormPart[]): Promise<Response>
  /** Asks for a state until it fits. */
  until(path: string, fits: (state: Record<string, unknown>) => boolean): Promise<Record<string, unknown>>
  close(): void
}

/** The hash of a request, as the contract has it. */
export function hashFor(token: string, method: string, path: string): string {
  const key = createHash('sha256').update(token).digest('hex')
  return createHmac('sha256', key).update(`${method}${prefix}${path}`).digest('hex')
}

/** A multipart body and its type. */
export function formOf(parts: readonly FormPart[]): { body: Buffer; headers: Record<string, string> } {
  const boundary = 'b0undary7fQ'
  const pieces = parts.flatMap(({ name, file, content }) => {
    const filename = file === undefined ? '' : `; filename="${file}"\r\nContent-Type: application/octet-stream`
    const head = `--${boundary}\r\nContent-Disposition: form-data; name="${name}"${filename}\r\n\r\n`
    return [Buffer.from(head), Buffer.from(content), Buffer.from('\r\n')]
  })
  const body = Buffer.concat([...pieces, Buffer.from(`--${boundary}--\r\n`)])
  return { body, headers: { 'content-type': `multipart/form-data; boundary=${boundary}` } }
}

/** A client that knows the token. */
export function openApplianceClient(url: string, token = 'yourtoken'): ApplianceClient {
  const http = openHttpClient()
  const get = (path: string, query = '') =>
    http.fetch(`${url}${prefix}${path}?hash=${hashFor(token, 'GET', path)}${query === '' ? '' : `&${query}`}`)
  return {
    http,
    url,
    get,
    post(path, parts) {
      const { body, headers } = formOf(parts)
      const address = `${url}${prefix}${path}?hash=${hashFor(token, 'POST', path)}`
      return http.fetch(address, { method: 'POST', body, headers })
    },
    async until(path, fits) {
      const deadline = Date.now() + 60_000
      for (;;) {
        const answer = await get(path)
        const state = (await answer.json()) as Record<string, unknown>
        if (fits(state)) return state
        if (Date.now() > deadline) throw new Error(`${path} stays ${JSON.stringify(state)}`)
        await new Promise((resolve) => setTimeout(resolve, 50))
      }
    },
    close: () => http.close(),
  }
}
