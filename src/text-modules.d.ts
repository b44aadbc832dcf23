/** Text embedded with `with { type: 'text' }`; Bun, the compiled binary and Deno all give a string. */
declare module '*.sql' {
  const text: string
  export default text
}

/** The build of the library that a bundler takes; it comes without types. */
declare module 'exifr/dist/lite.esm.mjs' {
  const exifr: { parse(input: Uint8Array, options: object): Promise<unknown> }
  export default exifr
}
