/** The hidden command of the processes that serve for a server with several workers. */
export const workerCommand = 'serve-as-worker'
