import { verbs as allVerbs, type Rule } from '../../../src/permissions/rule.ts'
import { Guard, Hidden, Layout } from './layout.tsx'
import type { Texts } from './texts.ts'

export interface ConfirmScopePage {
  readonly texts: Texts
  readonly domain: string
  readonly guard: string
  /** Where the form goes. */
  readonly action: string
  readonly client: string
  /** Host or scheme that the answer is sent to. */
  readonly destination: string
  /** Empty for the rights of an application, which its document lists. */
  readonly rules: readonly Rule[]
  readonly scope: string
  /** Carried along. */
  readonly fields: Readonly<Record<string, string | undefined>>
}

/** Asks whether a client may have a scope; every rule of it is named. */
export function confirmScopePage(page: ConfirmScopePage) {
  const { texts, domain, guard, action, client, destination, rules, scope, fields } = page
  return (
    <Layout texts={texts} title={texts.authorise}>
      <h1>{texts.authorise}</h1>
      <p class="host">{domain}</p>
      <p>{texts.authoriseText(client)}</p>
      <ul>
        {rules.length === 0 ? (
          <li>{scope}</li>
        ) : (
          rules.map((rule) => (
            <li>
              <strong>{rule.type}</strong>: {ruleText(texts, rule)}
            </li>
          ))
        )}
      </ul>
      <p class="soft">
        {destination}. {texts.authoriseWarning}
      </p>
      <form method="post" action={action}>
        <Guard token={guard} />
        <Hidden fields={fields} />
        <button type="submit" name="decision" value="allow">
          {texts.allow}
        </button>
        <button type="submit" name="decision" value="deny" class="other">
          {texts.deny}
        </button>
      </form>
    </Layout>
  )
}

function ruleText(texts: Texts, { verbs, values }: Rule): string {
  const what =
    verbs.length === allVerbs.length
      ? texts.everything
      : verbs.every((verb) => verb === 'GET')
        ? texts.readOnly
        : texts.some(verbs.join(', '))
  return values.length === 0 ? what : `${what} – ${texts.onlyThese(values.length)}`
}
