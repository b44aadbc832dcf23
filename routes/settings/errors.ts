/** The error bodies of the settings are JSON-API, as those of files are. */
export { errorBody } from '../files/errors.ts'
