import { Guard, Hidden, Layout } from './layout.tsx'
import type { Texts } from './texts.ts'

export interface ChoosePassphrasePage {
  readonly texts: Texts
  readonly title: string
  readonly text?: string
  readonly domain: string
  readonly guard: string
  readonly action: string
  readonly fields: Readonly<Record<string, string | undefined>>
  readonly error?: string | undefined
}

/** Asks twice for a new passphrase. */
export function choosePassphrasePage(page: ChoosePassphrasePage) {
  const { texts, title, text, domain, guard, action, fields, error } = page
  return (
    <Layout texts={texts} title={title}>
      <h1>{title}</h1>
      <p class="host">{domain}</p>
      {text && <p>{text}</p>}
      {error && (
        <p class="error" role="alert">
          {error}
        </p>
      )}
      <form method="post" action={action}>
        <Guard token={guard} />
        <Hidden fields={fields} />
        <label for="new">{texts.newPassphrase}</label>
        <input
          id="new"
          name="new_password"
          type="password"
          autocomplete="new-password"
          minlength={8}
          maxlength={1024}
          required
          autofocus
        />
        <p class="soft">{texts.newPassphraseRule}</p>
        <label for="again">{texts.newPassphraseAgain}</label>
        <input id="again" name="again" type="password" autocomplete="new-password" maxlength={1024} required />
        <button type="submit">{texts.save}</button>
      </form>
    </Layout>
  )
}

/** Asks whether a link that sets a new passphrase is wanted. */
export function askResetPage({ texts, domain, guard }: { texts: Texts; domain: string; guard: string }) {
  return (
    <Layout texts={texts} title={texts.resetTitle}>
      <h1>{texts.resetTitle}</h1>
      <p class="host">{domain}</p>
      <p>{texts.resetText}</p>
      <form method="post" action="/auth/passphrase_reset">
        <Guard token={guard} />
        <button type="submit">{texts.resetAsk}</button>
      </form>
      <p class="soft">
        <a href="/auth/login">{texts.back}</a>
      </p>
    </Layout>
  )
}
