import { Guard, Hidden, Layout } from './layout.tsx'
import type { Texts } from './texts.ts'

export interface MovePage {
  readonly texts: Texts
  readonly domain: string
  readonly guard: string
  /** The server that asked. */
  readonly destination: string
  readonly fields: Readonly<Record<string, string | undefined>>
  /** The passphrase was right; the mailed code is asked for now. */
  readonly asksPasscode: boolean
  readonly error?: string | undefined
}

/** Asks the owner whether everything may be replaced by what moves here. */
export function movePage({ texts, domain, guard, destination, fields, asksPasscode, error }: MovePage) {
  return (
    <Layout texts={texts} title={texts.moveAllow}>
      <h1>{texts.moveAllow}</h1>
      <p class="host">{domain}</p>
      <p>{asksPasscode ? texts.twoFactorText : texts.moveAllowText}</p>
      {error && (
        <p class="error" role="alert">
          {error}
        </p>
      )}
      <form method="post" action="/auth/authorize/move">
        <Guard token={guard} />
        <Hidden fields={fields} />
        {asksPasscode ? <Passcode texts={texts} /> : <Passphrase texts={texts} />}
        <button type="submit" class="danger">
          {texts.moveAllowButton}
        </button>
      </form>
      <p class="soft">→ {destination}</p>
    </Layout>
  )
}

function Passphrase({ texts }: Pick<MovePage, 'texts'>) {
  return (
    <>
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
    </>
  )
}

function Passcode({ texts }: Pick<MovePage, 'texts'>) {
  return (
    <>
      <label for="passcode">{texts.passcode}</label>
      <input
        id="passcode"
        name="two_factor_passcode"
        type="text"
        inputmode="numeric"
        autocomplete="one-time-code"
        maxlength={12}
        required
        autofocus
      />
    </>
  )
}
