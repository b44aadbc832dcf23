import type { TestServer } from '../../support/server.ts'

/** Deletes the directories that a new instance has, so that a test counts its own files only. */
export async function emptyDrive(server: TestServer, domain: string): Promise<void> {
  const headers = { host: domain, authorization: `Bearer ${await server.token('io.cozy.files', { domain })}` }
  const root = await server.fetch('/files/io.cozy.files.root-dir', { headers })
  const { included = [] } = (await root.json()) as { included?: readonly { readonly id: string }[] }
  const attributes = { permanent_delete: true }
  const body = JSON.stringify({ data: included.map(({ id }) => ({ id, attributes })) })
  const answer = await server.fetch('/files/', { method: 'PATCH', headers, body })
  if (answer.status !== 204) throw new Error(`${answer.status} ${await answer.text()}`)
}
