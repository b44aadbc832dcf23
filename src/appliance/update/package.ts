/** The form of every kind of update package once it is open: a verified folder and its description. */

/** The package's description of itself; it is covered by the signature. */
export interface OpenedPackage {
  /** `undefined` when the package does not say. */
  readonly version: string | undefined
  readonly product: string | undefined
  readonly arch: string | undefined
  /** The oldest version that may be updated from. */
  readonly minFrom: string | undefined
  /** A script below the folder that installs it. */
  readonly installer: string | undefined
  /** As it was signed, for hooks. */
  readonly manifest: unknown
  /** Puts the contents into an empty folder; rejects when they are not what was signed. */
  unpack(folder: string): Promise<void>
}

/** A package that cannot be opened: not enciphered for this machine, changed, cut, or not signed by who may. */
export class PackageError extends Error {
  override readonly name = 'PackageError'
}

/** How far opening a package has come. */
export type PackageStep = 'deciphered' | 'verified'
