/** Every refusal of the file system, worded as clients know it. The code decides the status. */
import { Problem, type ProblemCode } from '../model/errors.ts'

/** A file, directory, version or content is unknown. */
/** No file, directory, version or content of that name. */
export const fileNotFound = () => new Problem('not_found', 'file does not exist')
export const parentNotFound = () => new Problem('not_found', 'Parent directory with given DirID does not exist')
export const parentInTrash = () => new Problem('not_found', 'Parent directory is in the trash')
export const nameTaken = () => new Problem('exists', 'file already exists')

export const illegalName = () =>
  invalid('invalid_parameter', 'name', 'Invalid filename: empty or contains an illegal character')
export const longName = (maxBytes: number) =>
  invalid('invalid_parameter', 'name', `Invalid filename: longer than ${maxBytes} bytes`)
export const deepPath = () => invalid('invalid_parameter', 'path', 'Invalid path: too many levels')
export const illegalType = () => invalid('invalid_parameter', 'mime', 'Invalid Content-Type')
export const illegalTime = () => invalid('invalid_parameter', 'UpdatedAt', 'Invalid time given')

export const otherRevision = () => invalid('precondition_failed', 'If-Match', 'Revision does not match')
export const wrongChecksum = () => invalid('precondition_failed', 'Content-MD5', 'Invalid hash')
export const wrongLength = () => invalid('precondition_failed', 'Content-Length', 'Content length does not match')
export const ownSubtree = () => invalid('precondition_failed', 'dir-id', 'Forbidden document move')

export const overQuota = () => new Problem('too_large', 'The file is too big and exceeds the disk quota')
export const overMaximum = () =>
  new Problem('too_large', 'The file is too big and exceeds the filesystem maximum file size')

export const relativePath = () => new Problem('bad_request', 'Given path should be absolute')
export const specialDirectory = () => new Problem('bad_request', 'This directory cannot be changed')
export const alreadyInTrash = () => new Problem('bad_request', 'File or directory is already in the trash')
export const notInTrash = () => new Problem('bad_request', 'File or directory is not in the trash')

/** Two requests changed the content of one file at the same time, again and again. */
export const changedMeanwhile = () => new Problem('conflict', 'The file was changed at the same time')

function invalid(code: ProblemCode, parameter: string, reason: string): Problem {
  return new Problem(code, reason, { source: { parameter } })
}
