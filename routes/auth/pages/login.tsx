import { Guard, Hidden, Layout } from './layout.tsx'
import type { Texts } from './texts.ts'

export interface LoginPage {
  readonly texts: Texts
  readonly domain: string
  readonly guard: string
  /** What a client that hashes the passphrase itself needs to know. */
  readonly iterations: number
  readonly salt: string
  readonly redirect?: string | undefined
  /** Of a magic link: the passphrase comes second. */
  readonly magicCode?: string | undefined
  readonly emailVerifiedCode?: string | undefined
  readonly error?: string | undefined
  readonly hasPassphrase: boolean
}

/** The form that asks for the passphrase. */
export function loginPage(page: LoginPage) {
  const { texts, domain, guard, iterations, salt, redirect, magicCode, emailVerifiedCode, error } = page
  return (
    <Layout texts={texts} title={texts.logIn}>
      <h1>{texts.logIn}</h1>
      <p class="host">{domain}</p>
      {error && (
        <p class="error" role="alert">
          {error}
        </p>
      )}
      {page.hasPassphrase ? (
        <form method="post" action="/auth/login" data-iterations={String(iterations)} data-salt={salt}>
          <Guard token={guard} />
          <Hidden fields={{ redirect, magic_code: magicCode, email_verified_code: emailVerifiedCode }} />
          <label for="password">{texts.passphrase}</label>
          <input
            id="password"
            name="password"
            type="password"
            autocomplete="current-password"
            maxlength={1024}
            required
            autofocus
          />
          <label class="check">
            <input type="checkbox" name="long-run-session" value="true" checked />
            {texts.stayLoggedIn}
          </label>
          <button type="submit">{texts.logIn}</button>
        </form>
      ) : (
        <p>{texts.notReady}</p>
      )}
      {page.hasPassphrase && (
        <p class="soft">
          <a href="/auth/passphrase_reset">{texts.forgotten}</a>
        </p>
      )}
    </Layout>
  )
}

export interface PasscodePage {
  readonly texts: Texts
  readonly domain: string
  readonly guard: string
  readonly token: string
  readonly redirect?: string | undefined
  readonly error?: string | undefined
}

/** The form that asks for the mailed code. */
export function passcodePage({ texts, domain, guard, token, redirect, error }: PasscodePage) {
  return (
    <Layout texts={texts} title={texts.twoFactor}>
      <h1>{texts.twoFactor}</h1>
      <p class="host">{domain}</p>
      <p>{texts.twoFactorText}</p>
      {error && (
        <p class="error" role="alert">
          {error}
        </p>
      )}
      <form method="post" action="/auth/twofactor">
        <Guard token={guard} />
        <Hidden fields={{ 'two-factor-token': token, redirect }} />
        <label for="passcode">{texts.passcode}</label>
        <input
          id="passcode"
          name="two-factor-passcode"
          type="text"
          inputmode="numeric"
          autocomplete="one-time-code"
          pattern="[0-9 ]*"
          maxlength={12}
          required
          autofocus
        />
        <button type="submit">{texts.confirm}</button>
      </form>
    </Layout>
  )
}
