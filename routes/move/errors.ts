/** The error bodies of export, import and move are JSON-API, as those of files are. */
export { badBody, errorBody } from '../files/errors.ts'
