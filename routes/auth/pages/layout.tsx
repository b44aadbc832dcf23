import { raw } from 'hono/html'
import type { Child } from 'hono/jsx'
import { styleSheet } from './style.ts'
import type { Texts } from './texts.ts'

export interface LayoutOptions {
  readonly texts: Pick<Texts, 'language'>
  readonly title: string
  /** For the script of the page: where exports are shown. */
  readonly 'data-exports'?: string
  readonly children: Child
}

/** The frame of every page. */
export function Layout({ texts, title, children, ...data }: LayoutOptions) {
  return (
    <html lang={texts.language} {...data}>
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="robots" content="noindex" />
        <title>{title}</title>
        <style>{raw(styleSheet)}</style>
      </head>
      <body>
        <main>
          <section>{children}</section>
        </main>
      </body>
    </html>
  )
}

/** The field that makes a form unforgeable. */
export function Guard({ token }: { readonly token: string }) {
  return <input type="hidden" name="csrf_token" value={token} />
}

/** Fields that a form carries along. */
export function Hidden({ fields }: { readonly fields: Readonly<Record<string, string | undefined>> }) {
  return (
    <>
      {Object.entries(fields)
        .filter(([, value]) => value !== undefined && value !== '')
        .map(([name, value]) => (
          <input type="hidden" name={name} value={value} />
        ))}
    </>
  )
}
