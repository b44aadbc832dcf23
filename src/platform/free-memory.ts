/** Frees memory explicitly where gigabytes pass through a process in small pieces. */

/**
 * Frees the bytes of a chunk that will not be used again; its length is 0 afterwards. The runtime would do so when it
 * collects garbage, which depends on the size of its heap and not on that of the buffers: without this the process grows
 * by dozens of megabytes for each transfer. A chunk that is only a part of its buffer is left alone.
 */
export function freeMemory({ buffer, byteLength }: Uint8Array): void {
  if (buffer instanceof ArrayBuffer && buffer.byteLength === byteLength && !buffer.detached) buffer.transfer(0)
}
