/**
 * The names of a tenant's objects in the object store. Operators see them without the tenant's prefix.
 */

/** The names of all objects of a tenant begin with this. */
export function tenantPrefix(prefix: string): string {
  return `cozy-v3-${prefix}/`
}

/** Of content: `ID[0:22]/ID[22:27]/ID[27:32]/INTERNAL` for an id of 32 and an internal id of 16 characters. */
export function contentName(fileId: string, internalId: string): string {
  if (fileId.length !== 32 || internalId.length !== 16) return `${fileId}/${internalId}`
  return `${fileId.slice(0, 22)}/${fileId.slice(22, 27)}/${fileId.slice(27)}/${internalId}`
}

/** The opposite: `undefined` for names of anything but content. */
export function contentOf(name: string): { readonly fileId: string; readonly internalId: string } | undefined {
  const parts = name.split('/')
  const [first = '', second = '', third = '', fourth = ''] = parts
  if (parts.length === 4 && first.length === 22 && second.length === 5 && third.length === 5 && fourth.length === 16) {
    return { fileId: first + second + third, internalId: fourth }
  }
  if (parts.length === 2 && first !== '' && first !== 'thumbs' && second !== '') {
    return { fileId: first, internalId: second }
  }
  return undefined
}

/** With the tenant's prefix: the name in the store. */
export function storedName(prefix: string, fileId: string, internalId: string): string {
  return tenantPrefix(prefix) + contentName(fileId, internalId)
}

const thumbnailSizes = ['tiny', 'small', 'medium', 'large']

/** With the tenant's prefix: the names of a file's thumbnails, whether there are any or not. */
export function thumbnailNames(prefix: string, fileId: string): readonly string[] {
  const split = fileId.length === 32 ? `${fileId.slice(0, 22)}/${fileId.slice(22, 27)}/${fileId.slice(27)}` : fileId
  return thumbnailSizes.map((size) => `${tenantPrefix(prefix)}thumbs/${split}-${size}`)
}
