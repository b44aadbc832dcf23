/** Values that end by themselves, shared by all processes on one database. */
import { randomInt } from 'node:crypto'
import type { SecretStore } from '../../files/contract.ts'
import { guarded, type Sql } from '../connection.ts'

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789'
const length = 32

export function newSecretStore(sql: Sql): SecretStore {
  return {
    put: (prefix, kind, value, forMs) =>
      guarded(async () => {
        const secret = newSecret()
        await sql`
          INSERT INTO secrets (prefix, kind, secret, value, expires)
          VALUES (${prefix}, ${kind}, ${secret}, ${value}, now() + ${forMs} * interval '1 millisecond')`
        return secret
      }),
    get: (prefix, kind, secret) =>
      guarded(async () => {
        if (secret.length > 2 * length || secret.includes('\u0000')) return undefined
        const [row] = await sql<{ value: string }[]>`
          SELECT value FROM secrets
          WHERE prefix = ${prefix} AND kind = ${kind} AND secret = ${secret} AND expires > now()`
        return row?.value
      }),
  }
}

/** Forgets what has ended. */
export async function sweepSecrets(sql: Sql): Promise<void> {
  await sql`DELETE FROM secrets WHERE expires < now() - interval '1 minute'`
}

function newSecret(): string {
  return Array.from({ length }, () => alphabet[randomInt(alphabet.length)]).join('')
}
