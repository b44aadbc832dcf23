/** The file system in memory, as simple as it can be: what random operations on the real one are compared with. */

export interface ModelNode {
  name: string
  parent: string
  kind: 'directory' | 'file'
  /** Of files. */
  text: string
  /** Texts of versions. */
  versions: string[]
  restorePath?: string | undefined
}

export const root = 'root'
export const trash = 'trash'

export class Model {
  readonly nodes = new Map<string, ModelNode>()

  readonly #maxVersions: number

  constructor(maxVersions: number) {
    this.#maxVersions = maxVersions
    this.nodes.set(root, { name: '', parent: '', kind: 'directory', text: '', versions: [] })
    this.nodes.set(trash, { name: '.cozy_trash', parent: root, kind: 'directory', text: '', versions: [] })
  }

  get(id: string): ModelNode | undefined {
    return this.nodes.get(id)
  }

  path(id: string): string {
    if (id === root) return '/'
    const { name, parent } = this.nodes.get(id) ?? { name: '?', parent: root }
    return parent === root ? `/${name}` : `${this.path(parent)}/${name}`
  }

  inTrash(id: string): boolean {
    for (let at = id; at !== '' && at !== root; at = this.nodes.get(at)?.parent ?? '') if (at === trash) return true
    return false
  }

  isBelow(id: string, above: string): boolean {
    for (let at = id; at !== ''; at = this.nodes.get(at)?.parent ?? '') if (at === above) return true
    return false
  }

  child(parent: string, name: string): string | undefined {
    for (const [id, node] of this.nodes) if (node.parent === parent && node.name === name) return id
    return undefined
  }

  /** True when something new may come there under that name. */
  takes(parent: string, name: string): boolean {
    const node = this.nodes.get(parent)
    return node?.kind === 'directory' && !this.inTrash(parent) && this.child(parent, name) === undefined
  }

  add(id: string, parent: string, name: string, kind: ModelNode['kind'], text = ''): void {
    this.nodes.set(id, { name, parent, kind, text, versions: [] })
  }

  overwrite(id: string, text: string): void {
    const node = this.nodes.get(id)
    if (node === undefined) return
    if (node.text !== text) node.versions = [...node.versions, node.text].slice(-(this.#maxVersions - 1))
    node.text = text
  }

  remove(id: string): void {
    for (const [child, node] of [...this.nodes]) if (node.parent === id) this.remove(child)
    if (id !== trash) this.nodes.delete(id)
  }

  /** Every node: its path, and what it holds. */
  listing(): readonly string[] {
    const lines: string[] = []
    for (const [id, node] of this.nodes) {
      if (id === root || id === trash) continue
      const versions = [...node.versions].sort().join(',')
      lines.push(node.kind === 'directory' ? `${this.path(id)}/` : `${this.path(id)} = ${node.text} [${versions}]`)
    }
    return lines.sort()
  }

  usage(): { readonly files: number; readonly versions: number } {
    let [files, versions] = [0, 0]
    for (const node of this.nodes.values()) {
      files += node.text.length
      for (const text of node.versions) versions += text.length
    }
    return { files, versions }
  }
}
