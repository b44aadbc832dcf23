import { z } from '@hono/zod-openapi'
import type { InstanceChanges } from '../../src/instances/service.ts'
import { bytesOf, listOf, settingsOf, textOf } from './request.ts'

/** Query parameters that creating and modifying share, by their names on the wire. */
export const commonChanges = {
  OldDomain: textOf('Former domain, which tokens may still name as their issuer'),
  DomainAliases: listOf('Further domains of the instance'),
  Locale: textOf('Language; `en` by default'),
  UUID: textOf('Id at the account manager'),
  OIDCID: textOf('Id at the identity provider'),
  FranceConnectID: textOf('Id at FranceConnect'),
  TOSSigned: textOf('Signed version of the terms, `A.B.C-YYYYMMDD`'),
  TOSLatest: textOf('Latest version of the terms, `A.B.C-YYYYMMDD`'),
  Timezone: textOf('For example `Europe/Paris`'),
  ContextName: textOf('Name of the context'),
  Email: textOf('E-mail address of the owner'),
  PublicName: textOf('Name of the owner'),
  Phone: textOf('Telephone number of the owner'),
  Settings: settingsOf(),
  DiskQuota: bytesOf('DiskQuota', 'Most bytes of files; -1 for no limit'),
} as const

const CommonChanges = z.object(commonChanges)

/** The same as the service names them. */
export function changesOf(asked: z.output<typeof CommonChanges>): InstanceChanges {
  return {
    oldDomain: asked.OldDomain,
    domainAliases: asked.DomainAliases,
    locale: asked.Locale,
    uuid: asked.UUID,
    oidcId: asked.OIDCID,
    franceConnectId: asked.FranceConnectID,
    tosSigned: asked.TOSSigned,
    tosLatest: asked.TOSLatest,
    timezone: asked.Timezone,
    contextName: asked.ContextName,
    email: asked.Email,
    publicName: asked.PublicName,
    phone: asked.Phone,
    settings: asked.Settings,
    diskQuota: asked.DiskQuota,
  }
}
