/** Rows that do not agree, each with the reason. A row that agrees after all must be taken off: the test says so. */
const notDecoded = 'paths are compared as they were sent, byte for byte, as hashes are over them'
const nul = 'a NUL is a character like others and not dropped'
const dropped = 'unknown members are dropped, so that no hook ever sees them'
export const differing: Readonly<Record<string, string>> = {
  'auth/hash-upper-case': 'hashes are taken in both cases',
  'auth/token-nul': nul,
  'auth/hash-nul': nul,
  'path/trailing-slash-token': notDecoded,
  'path/trailing-slash-hash-with': notDecoded,
  'path/percent-encoded': notDecoded,
  'setup/newtoken-in-query': 'a new token in an address would be in the logs of every proxy',
  'settings/get-unknown-key': dropped,
  'settings/duplicate-key': 'of two equal members the last counts, as JSON parsers have it',
  'settings/null-ip': 'null counts as absent',
  'storage/get-unknown-keys': dropped,
  'update/state-text-part': 'a text in place of a file is refused at once (400): there is no run that could fail',
  'update/state-no-installer': 'a package without an installer ends at 100',
  'update/state-unversioned': 'a package must say its version (E1001), unless the configuration permits others',
}
