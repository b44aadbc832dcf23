/** The error bodies of jobs and triggers are JSON-API, as those of files are. */
export { badBody, errorBody } from '../files/errors.ts'
