/** The type of everything below `/settings`. */
export const settingsDoctype = 'io.cozy.settings'
