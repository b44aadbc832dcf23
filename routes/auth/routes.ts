/** Login and OAuth: pages where users log in and agree, and the routes of OAuth clients. Its URL space in one screen. */
import { type Face, newFace, refuseOtherMethods } from '../http/endpoint.ts'
import { sameSiteOnly } from '../http/same-site.ts'
import { pageHeaders } from './answer.ts'
import { authorizeRoutes } from './authorize.ts'
import { authorizeMoveRoutes } from './authorize-move.ts'
import { errorBody } from './errors.ts'
import { type AboutServer, homeRoute } from './landing.ts'
import { loginRoutes } from './login.ts'
import { oidcRoutes } from './oidc.ts'
import { passphraseRoutes } from './passphrase.ts'
import { registerRoutes } from './register.ts'
import type { AuthServices } from './services.ts'

/** Mount the face's router at the root of the public listener. */
export function authRoutes(services: AuthServices, about: AboutServer): Face {
  const face = newFace({ log: services.log, errorBody, headers: pageHeaders() })
  face.router.use('/auth/*', sameSiteOnly(face.onError))
  homeRoute(face, services, about) // GET  /
  loginRoutes(face, services) //      GET, POST, DELETE /auth/login; POST /auth/logout; GET, POST /auth/twofactor; GET /auth/magic_link
  passphraseRoutes(face, services) // GET, POST /auth/passphrase, /auth/passphrase_reset, /auth/passphrase_renew
  authorizeRoutes(face, services) //  GET, POST /auth/authorize; POST /auth/access_token
  authorizeMoveRoutes(face, services) // GET, POST /auth/authorize/move
  registerRoutes(face, services) //   POST /auth/register; GET, PUT, DELETE /auth/register/CLIENT
  oidcRoutes(face, services) //       POST /oidc/access_token
  refuseOtherMethods(face)
  return face
}
