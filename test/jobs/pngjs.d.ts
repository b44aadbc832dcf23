/** As far as tests use it; the package has no types. */
declare module 'pngjs' {
  export class PNG {
    constructor(options: { readonly width: number; readonly height: number; readonly bitDepth?: number })
    data: Buffer
    static readonly sync: { write(image: PNG, options?: object): Buffer }
  }
}
