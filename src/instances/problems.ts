/** The failures of instance administration, each worded once. */
import { Problem } from '../model/errors.ts'

/** 404: no instance has this domain or alias. */
export function instanceNotFound(): Problem {
  return new Problem('not_found', 'Instance not found')
}

/** 409: the domain or an alias is taken. */
export function instanceExists(): Problem {
  return new Problem('exists', 'Instance already exists')
}

/** 422: the domain cannot be a host name of an instance. */
export function illegalDomain(): Problem {
  return invalidParameter('domain', 'Domain name contains illegal characters')
}

/** 422: a parameter's value is not one of those allowed; `reason` says which are. */
export function invalidParameter(parameter: string, reason: string): Problem {
  return new Problem('invalid_parameter', reason, { source: { parameter } })
}

/** 400: a version of the terms of service is not `A.B.C-YYYYMMDD`. */
export function badTosVersion(): Problem {
  return new Problem('bad_request', 'Bad format for TOS version')
}
