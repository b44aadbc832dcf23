/** How long a socket may be silent or stuck, and how much may wait for it. Milliseconds and bytes. */
export interface SocketLimits {
  /** A ping after so long. Token and rights are looked at again at the same time. */
  readonly pingMs: number
  /** Ended when nothing was read for so long, and when no token came. */
  readonly silenceMs: number
  /** Cut off when nothing of what waits for it was taken for so long. */
  readonly writeMs: number
  /** Cut off when more than this waits for it, one frame left aside. */
  readonly maxQueuedBytes: number
  /** Time between two looks at all sockets. */
  readonly sweepMs: number
  /** What is left of a socket goes so long after the server began to stop. */
  readonly farewellMs: number
}

export const socketLimits: SocketLimits = {
  pingMs: 54_000,
  silenceMs: 60_000,
  writeMs: 10_000,
  maxQueuedBytes: 1024 * 1024,
  sweepMs: 1_000,
  farewellMs: 2_000,
}

/** Bytes of one frame from a client. */
export const maxFrameBytes = 8 * 1024

/** Bytes of commands of one client that wait for those before them. */
export const maxWaitingBytes = 1024 * 1024
