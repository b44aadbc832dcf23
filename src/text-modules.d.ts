/** Text embedded with `with { type: 'text' }`; Bun, the compiled binary and Deno all give a string. */
declare module '*.sql' {
  const text: string
  export default text
}
