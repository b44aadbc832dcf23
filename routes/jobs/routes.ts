/** Jobs and triggers: their URL space in one screen. Fixed names come before the place of an id. */
import { Problem } from '../../src/model/errors.ts'
import { type Face, newFace, refuseOtherMethods } from '../http/endpoint.ts'
import { mediaType } from './answer.ts'
import { errorBody } from './errors.ts'
import { jobRoutes, tidyRoutes } from './jobs.ts'
import { mailRoutes } from './mails.ts'
import { queueRoutes } from './queue.ts'
import type { JobsServices } from './services.ts'
import { triggerRoutes, triggersRoutes } from './triggers.ts'
import { webhookRoute } from './webhooks.ts'

export function jobsRoutes(services: JobsServices): Face {
  const { log, expiredStatus } = services
  const face = newFace({ log, errorBody, media: mediaType, invalidTokenStatus: expiredStatus })
  queueRoutes(face, services) //    POST, GET     /jobs/queue/WORKER
  triggersRoutes(face, services) // POST, GET     /jobs/triggers
  triggerRoutes(face, services) //  GET, PATCH, DELETE /jobs/triggers/ID; GET .../state, .../jobs; POST .../launch
  webhookRoute(face, services) //   POST          /jobs/webhooks/TRIGGER
  mailRoutes(face, services) //     POST          /jobs/support, /jobs/campaign-emails
  tidyRoutes(face, services) //     POST          /jobs/clean; DELETE /jobs/purge
  refuseOtherMethods(face)
  const nothing = () => new Problem('not_found', 'Not Found')
  face.router.all('/jobs/queue/*', (c) => face.onError(nothing(), c))

  jobRoutes(face, services) //      GET, PATCH    /jobs/ID
  refuseOtherMethods(face)

  face.router.all('/jobs/*', (c) => face.onError(nothing(), c))
  return face
}
