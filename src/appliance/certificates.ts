/** Exchanging the certificate of the appliance listener while it serves. */
import type { KeyAndCertificate } from '../self-signed.ts'
import { checkCertificate, rehearse, type UploadedCertificate } from './certificate-check.ts'
import { installPair } from './certificate-store.ts'
import type { ApplianceConfig } from './configuration.ts'
import type { Hooks } from './hooks.ts'
import type { Places } from './places.ts'
import { type Procedure, ProcedureFailure } from './procedures.ts'

export interface Certificates {
  /** Begins to check and install a claimed upload. */
  begin(upload: UploadedCertificate): Promise<void>
  readonly procedure: Procedure
}

export interface CertificatesOptions {
  readonly places: Places
  readonly hooks: Hooks
  readonly config: () => ApplianceConfig
  readonly procedure: Procedure
  /** Uses this certificate for new connections. */
  readonly serve: (pair: KeyAndCertificate) => void
}

/** Opens the exchange of certificates. Until everything has been checked the old one stays. */
export function openCertificates({ places, hooks, config, procedure, serve }: CertificatesOptions): Certificates {
  const { log } = procedure
  return {
    procedure,
    async begin(upload) {
      await procedure.start(async ({ job, signal }) => {
        await log.line('Validating and adding TLS certificates')
        try {
          const checked = checkCertificate(upload, { now: new Date(), allowExpired: config().certs.allow_expired })
          for (const warning of checked.warnings) await log.line(`Warning: ${warning}`)
          await rehearse(checked)
          await installPair(places, checked)
          serve(checked)
        } catch (error) {
          const reason = error instanceof ProcedureFailure ? error.message : 'an unexpected error'
          await log.line(`Failed updating TLS certificates: ${reason}`)
          throw error
        }
        await log.line('TLS certificates updated successfully')
        // Other services get it if a hook exists; this listener already has it.
        const paths = { key: `${places.pki}/current/key.pem`, chain: `${places.pki}/current/chain.pem` }
        const result = await hooks.run('certs-apply', {
          job,
          input: paths,
          onLine: (line) => void log.raw(line),
          signal,
        })
        if (result?.outcome === 'failed') await log.line(`Warning: ${result.message}`)
      })
    },
  }
}
