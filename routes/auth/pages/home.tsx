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

/** What strangers see at the root of any host. */
export function frontPage({ texts, login }: { readonly texts: Texts; readonly login: boolean }) {
  return (
    <Layout texts={texts} title={texts.frontTitle}>
      <h1>{texts.frontTitle}</h1>
      <p>{texts.frontText}</p>
      {login && (
        <a class="button" href="/auth/login">
          {texts.logIn}
        </a>
      )}
    </Layout>
  )
}
