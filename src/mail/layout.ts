/** How a mail looks: the same content as plain text and as HTML. */

/** One paragraph, a list of facts, or a link to follow. */
export type Block = string | { readonly facts: readonly (readonly [name: string, value: string])[] } | Link

export interface Link {
  readonly link: string
  /** What the button says. */
  readonly text: string
}

export interface Letter {
  readonly subject: string
  readonly blocks: readonly Block[]
}

/** Lines of text; links stand on lines of their own. */
export function letterText({ blocks }: Letter): string {
  const texts = blocks.map((block) => {
    if (typeof block === 'string') return block
    if ('link' in block) return `${block.text}:\n${block.link}`
    return block.facts.map(([name, value]) => `${name}: ${value}`).join('\n')
  })
  return `${texts.join('\n\n')}\n`
}

/** A whole HTML document that loads nothing from elsewhere. */
export function letterHtml({ subject, blocks }: Letter, locale: string): string {
  const body = blocks.map((block) => {
    if (typeof block === 'string') return `<p>${escapeHtml(block)}</p>`
    if ('link' in block) return linkHtml(block)
    const rows = block.facts.map(
      ([name, value]) => `<tr><td>${escapeHtml(name)}</td><td><b>${escapeHtml(value)}</b></td></tr>`,
    )
    return `<table cellpadding="4">${rows.join('')}</table>`
  })
  return (
    `<!DOCTYPE html><html lang="${locale}"><head><meta charset="utf-8"><meta name="color-scheme" content="light dark">` +
    `<meta name="viewport" content="width=device-width"><title>${escapeHtml(subject)}</title></head>` +
    '<body style="font-family:sans-serif;line-height:1.5;max-width:36em;margin:0 auto;padding:1em">' +
    `${body.join('\n')}</body></html>\n`
  )
}

function linkHtml({ link, text }: Link): string {
  const style =
    'display:inline-block;padding:.6em 1.2em;background:#2456a6;color:#fff;text-decoration:none;border-radius:4px'
  // Only what is harmless to open in a browser becomes a link.
  if (!/^https?:\/\//i.test(link)) return `<p>${escapeHtml(text)}: ${escapeHtml(link)}</p>`
  return `<p><a style="${style}" href="${escapeHtml(link)}">${escapeHtml(text)}</a></p><p><small>${escapeHtml(link)}</small></p>`
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

function escapeHtml(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => entities[character] ?? '')
}
