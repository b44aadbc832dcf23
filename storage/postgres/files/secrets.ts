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
    set: (prefix, kind, secret, value, forMs) =>
      guarded(async () => {
        await sql`
          INSERT INTO secrets (prefix, kind, secret, value, expires)
          VALUES (${prefix}, ${kind}, ${secret}, ${value}, now() + ${forMs} * interval '1 millisecond')
          ON CONFLICT (prefix, kind, secret) DO UPDATE SET value = excluded.value, expires = excluded.expires`
      }),
    take: (prefix, kind, secret) =>
      guarded(async () => {
        if (!isPossible(secret)) return undefined
        const [row] = await sql<{ value: string; alive: boolean }[]>`
          DELETE FROM secrets WHERE prefix = ${prefix} AND kind = ${kind} AND secret = ${secret}
          RETURNING value, expires > now() AS alive`
        return row?.alive ? row.value : undefined
      }),
    get: (prefix, kind, secret) =>
      guarded(async () => {
        if (!isPossible(secret)) return undefined
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

function isPossible(secret: string): boolean {
  return secret.length <= 2 * length && !secret.includes('\u0000')
}

function newSecret(): string {
  return Array.from({ length }, () => alphabet[randomInt(alphabet.length)]).join('')
}
