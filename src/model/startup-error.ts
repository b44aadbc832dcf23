/**
 * Hearth cannot start or a command cannot be carried out, for a reason that the person at the terminal can fix. The message
 * is shown as it is, without a stack, and says what to do.
 */
export class StartupError extends Error {
  override readonly name = 'StartupError'
}
