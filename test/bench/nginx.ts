/** nginx from the system's packages serving a folder, with PUT: what plain files cost on this machine. */
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { freePort } from '../support/postgres.ts'

export interface Nginx {
  readonly port: number
  readonly folder: string
  stop(): void
}

/** `undefined` when there is none: HEARTH_TEST_NGINX names one, else it is looked for on PATH. */
export function nginxProgram(): string | undefined {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin']
  const onPath = folders.map((folder) => join(folder, 'nginx'))
  return [process.env['HEARTH_TEST_NGINX'], ...onPath].find((path) => path !== undefined && existsSync(path))
}

/** `folder` must be empty; the files served and put lie in `folder/files`. */
export async function startNginx(program: string, folder: string): Promise<Nginx> {
  const port = await freePort()
  const files = join(folder, 'files')
  for (const name of ['files', 'bodies', 'logs']) mkdirSync(join(folder, name), { recursive: true })
  const configuration = join(folder, 'nginx.conf')
  // Bodies go straight into a file beside the target and are renamed, as in Hearth; access logs are off in both.
  writeFileSync(
    configuration,
    `daemon off; pid ${folder}/nginx.pid; error_log ${folder}/logs/error.log; worker_processes 1;
${process.getuid?.() === 0 ? 'user root;' : ''}
events { worker_connections 512; }
http {
  access_log off; sendfile on; tcp_nopush on; client_max_body_size 0; keepalive_requests 1000000;
  client_body_temp_path ${folder}/bodies; default_type application/octet-stream;
  server { listen 127.0.0.1:${port}; root ${files}; dav_methods PUT; create_full_put_path on; }
}`,
  )
  const child: ChildProcess = spawn(program, ['-p', folder, '-c', configuration], { stdio: 'ignore' })
  for (let attempt = 0; ; attempt += 1) {
    const answered = await fetch(`http://127.0.0.1:${port}/`).then(
      () => true,
      () => false,
    )
    if (answered) break
    if (attempt > 100 || child.exitCode !== null) throw new Error('nginx did not start')
    await Bun.sleep(50)
  }
  return { port, folder: files, stop: () => void child.kill('SIGTERM') }
}
