import { Layout } from './layout.tsx'
import type { Texts } from './texts.ts'

export interface MessageOptions {
  readonly texts: Texts
  readonly title: string
  readonly text: string
  readonly link?: { readonly href: string; readonly label: string }
}

/** A page that only says something. */
export function messagePage({ texts, title, text, link }: MessageOptions) {
  return (
    <Layout texts={texts} title={title}>
      <h1>{title}</h1>
      <p>{text}</p>
      {link && (
        <p>
          <a href={link.href}>{link.label}</a>
        </p>
      )}
    </Layout>
  )
}
