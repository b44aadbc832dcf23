import { raw } from 'hono/html'
import { Guard, Layout } from '../auth/pages/layout.tsx'
import type { Texts } from '../auth/pages/texts.ts'

/** Reads the export's name behind the `#`, which no server gets to see. */
export const fragmentScript =
  'const id = /^#\\/exports\\/([\\w=-]+)$/.exec(location.hash)?.[1]; if (id) location.replace(document.documentElement.dataset.exports + id)'

export interface DataPage {
  readonly texts: Texts
  readonly domain: string
  /** Where exports are shown: the path before the name of one. */
  readonly exportsPath: string
  /** What the owner can do; absent for everybody else. */
  readonly owner?:
    | {
        readonly guard: string
        /** Whether there is a wizard for moves. */
        readonly canMove: boolean
        readonly error?: string | undefined
      }
    | undefined
}

/** Where the links of mails lead: on to the export they name, and without scripts to a field for the link. */
export function dataPage({ texts, domain, exportsPath, owner }: DataPage) {
  return (
    <Layout texts={texts} title={texts.yourData} data-exports={exportsPath}>
      <script>{raw(fragmentScript)}</script>
      <h1>{texts.yourData}</h1>
      <p class="host">{domain}</p>
      {owner?.error && (
        <p class="error" role="alert">
          {owner.error}
        </p>
      )}
      {owner && <OwnerForms texts={texts} {...owner} />}
      <form method="get" action={exportsPath.replace(/\/$/, '')}>
        <label for="link">{texts.exportLink}</label>
        <input id="link" name="link" type="url" required />
        <button type="submit" class="other">
          {texts.showExport}
        </button>
      </form>
    </Layout>
  )
}

function OwnerForms({ texts, guard, canMove }: { readonly texts: Texts } & NonNullable<DataPage['owner']>) {
  return (
    <>
      <form method="post" action="/move/data/export">
        <Guard token={guard} />
        <p>{texts.exportText}</p>
        <button type="submit">{texts.exportData}</button>
      </form>
      {canMove && (
        <form method="post" action="/move/initialize">
          <button type="submit" class="other">
            {texts.moveData}
          </button>
        </form>
      )}
      <form method="post" action="/move/data/import">
        <Guard token={guard} />
        <p>{texts.importText}</p>
        <label for="import-link">{texts.exportLink}</label>
        <input id="import-link" name="link" type="url" required />
        <label for="password">{texts.passphrase}</label>
        <input id="password" name="password" type="password" autocomplete="current-password" required />
        <button type="submit" class="danger">
          {texts.importData}
        </button>
      </form>
    </>
  )
}

export interface ExportPage {
  readonly texts: Texts
  readonly domain: string
  readonly state: 'exporting' | 'done' | 'error'
  /** Of the parts; empty when there is nothing to download. */
  readonly links: readonly string[]
  /** When the links end, in words. */
  readonly ends: string
}

/** An export and where to download it. */
export function exportPage({ texts, domain, state, links, ends }: ExportPage) {
  return (
    <Layout texts={texts} title={texts.yourData}>
      <h1>{texts.yourData}</h1>
      <p class="host">{domain}</p>
      <p>{texts.exportStates[state]}</p>
      <ul>
        {links.map((href, at) => (
          <li>
            <a href={href}>{texts.exportPart(at + 1)}</a>
          </li>
        ))}
      </ul>
      {links.length > 0 && <p class="soft">{texts.exportEnds(ends)}</p>}
    </Layout>
  )
}
