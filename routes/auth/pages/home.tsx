import { Guard, Layout } from './layout.tsx'
import type { Texts } from './texts.ts'

export interface HomePage {
  readonly texts: Texts
  readonly domain: string
  readonly guard: string
  readonly name: string | undefined
  readonly mail: string | undefined
  /** Links to what else a person can do. */
  readonly links: readonly { readonly href: string; readonly label: string }[]
}

/** Where a person lands after logging in. */
export function homePage({ texts, domain, guard, name, mail, links }: HomePage) {
  return (
    <Layout texts={texts} title={domain}>
      <p class="soft">{texts.loggedInAs}</p>
      <h1>{domain}</h1>
      <dl>
        {name && (
          <>
            <dt>{texts.owner}</dt>
            <dd>{name}</dd>
          </>
        )}
        {mail && (
          <>
            <dt>{texts.mail}</dt>
            <dd>{mail}</dd>
          </>
        )}
      </dl>
      {links.map(({ href, label }) => (
        <a class="button other" href={href}>
          {label}
        </a>
      ))}
      <form method="post" action="/auth/logout">
        <Guard token={guard} />
        <button type="submit">{texts.logOut}</button>
      </form>
    </Layout>
  )
}

export interface FrontPage {
  readonly texts: Texts
  readonly version: string
  /** Whether there is somebody's personal cloud at this address. */
  readonly login: boolean
}

/** What strangers see at the root of any host. */
export function frontPage({ texts, version, login }: FrontPage) {
  return (
    <Layout texts={texts} title={texts.frontTitle}>
      <h1>{texts.frontTitle}</h1>
      <p>{texts.frontText}</p>
      {login && (
        <a class="button" href="/auth/login">
          {texts.logIn}
        </a>
      )}
      <p>
        <a href="/docs">{texts.documentation}</a> · <a href="/openapi.json">{texts.apiDescription}</a>
      </p>
      <p class="soft">Hearth {version}</p>
    </Layout>
  )
}
