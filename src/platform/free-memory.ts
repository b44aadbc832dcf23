/** Giving memory back by hand, where gigabytes pass through a process in small pieces. */

/**
 * Frees the bytes of a chunk that nobody will look at again; it has no length afterwards. The runtime would do it when it
 * looks for garbage, which it does by the size of its heap and not by that of the buffers: without this the process grows
 * by dozens of megabytes for each transfer. A chunk that is only a part of its buffer is left alone.
 */
export function freeMemory({ buffer, byteLength }: Uint8Array): void {
  if (buffer instanceof ArrayBuffer && buffer.byteLength === byteLength && !buffer.detached) buffer.transfer(0)
}
