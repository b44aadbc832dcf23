/** Why an archive cannot be imported, in words for its owner. */
export class ImportFailure extends Error {
  override readonly name = 'ImportFailure'
}
