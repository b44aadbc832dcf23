/** Installs a certificate in a process of its own, which a failpoint may end: `bun certs-child.ts FOLDER NAME`. */
import { installPair } from '../../src/appliance/certificate-store.ts'
import { selfSignedCertificate } from '../../src/self-signed.ts'

const [pki = '', name = ''] = process.argv.slice(2)
await installPair({ pki }, await selfSignedCertificate({ names: [name], notBefore: new Date(), days: 1 }))
