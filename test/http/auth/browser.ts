/** A person's browser without scripts: keeps cookies, reads forms, follows redirections only when told to. */
import type { TestServer } from '../../support/server.ts'

export interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  readonly location: string
}

export interface Browser {
  readonly cookies: Map<string, string>
  get(path: string, headers?: Readonly<Record<string, string>>): Promise<Answer>
  /** Sends a form. */
  post(
    path: string,
    fields: Readonly<Record<string, string>>,
    headers?: Readonly<Record<string, string>>,
  ): Promise<Answer>
  /** Loads a page and sends its form with what is filled in. */
  submit(
    path: string,
    fields: Readonly<Record<string, string>>,
    headers?: Readonly<Record<string, string>>,
  ): Promise<Answer>
}

/** The fields that a page's form carries along. */
export function hiddenFields(page: string): Record<string, string> {
  const fields = [...page.matchAll(/<input type="hidden" name="([^"]*)" value="([^"]*)"/g)]
  return Object.fromEntries(fields.map(([, name, value]) => [name, plainText(value ?? '')]))
}

/** Where a page's first form goes. */
export function formAction(page: string): string {
  return /<form method="post" action="([^"]*)"/.exec(page)?.[1] ?? ''
}

function plainText(text: string): string {
  return text
    .replaceAll('&quot;', '"')
    .replaceAll('&#39;', "'")
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&amp;', '&')
}

export function openBrowser(server: TestServer, host: string): Browser {
  const cookies = new Map<string, string>()

  async function send(
    method: string,
    path: string,
    body: string | undefined,
    headers: Readonly<Record<string, string>>,
  ): Promise<Answer> {
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    const response = await server.fetch(path, {
      method,
      headers: {
        host,
        accept: 'text/html,application/xhtml+xml',
        ...(cookie === '' ? {} : { cookie }),
        ...(body === undefined
          ? {}
          : { 'content-type': 'application/x-www-form-urlencoded', origin: `http://${host}` }),
        ...headers,
      },
      ...(body === undefined ? {} : { body }),
    })
    for (const line of response.headers.getSetCookie()) {
      const [pair = '', ...attributes] = line.split('; ')
      const equals = pair.indexOf('=')
      const name = pair.slice(0, equals)
      if (attributes.includes('Max-Age=0')) cookies.delete(name)
      else cookies.set(name, pair.slice(equals + 1))
    }
    const text = await response.text()
    return {
      status: response.status,
      headers: response.headers,
      text,
      location: response.headers.get('location') ?? '',
    }
  }

  const browser: Browser = {
    cookies,
    get: (path, headers = {}) => send('GET', path, undefined, headers),
    post: (path, fields, headers = {}) => send('POST', path, `${new URLSearchParams(fields)}`, headers),
    async submit(path, fields, headers = {}) {
      const { text } = await browser.get(path)
      return browser.post(formAction(text), { ...hiddenFields(text), ...fields }, headers)
    },
  }
  return browser
}
