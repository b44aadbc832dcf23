const invalidByte = 255
const space = 254
const padding = 253
const backslash = 252

/** What each byte stands for: six bits, or one of the above. */
const meanings = new Uint8Array(256).fill(invalidByte)
for (const [value, character] of [...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'].entries()) {
  meanings[character.charCodeAt(0)] = value
}
for (const character of ' \t\r\n') meanings[character.charCodeAt(0)] = space
meanings['='.charCodeAt(0)] = padding
meanings['\\'.charCodeAt(0)] = backslash

/**
 * Decodes base64 inside a JSON string, piece by piece and without converting it to text: contents may be
 * hundreds of megabytes. White space is left out, as CouchDB does; whatever else is not base64 throws what `invalid` makes.
 */
export class Base64Decoder {
  readonly #invalid: () => Error
  /** A JSON escape that has begun, with its backslash. */
  #escape = ''
  #bits = 0
  /** Characters of the group of four that has begun. */
  #count = 0
  #padding = 0

  constructor(invalid: () => Error) {
    this.#invalid = invalid
  }

  decode(part: Uint8Array): Uint8Array<ArrayBuffer> {
    const decoded = new Uint8Array(Math.ceil((part.length + 4) / 4) * 3)
    let size = 0
    for (let at = 0; at < part.length; at += 1) {
      const byte = part[at] as number
      let meaning = this.#escape === '' ? (meanings[byte] as number) : this.#unescaped(byte)
      if (meaning === backslash) {
        this.#escape = '\\'
        meaning = space
      }
      if (meaning < 64) {
        if (this.#padding > 0) throw this.#invalid()
        this.#bits = (this.#bits << 6) | meaning
        this.#count += 1
        if (this.#count < 4) continue
        decoded[size++] = this.#bits >> 16
        decoded[size++] = this.#bits >> 8
        decoded[size++] = this.#bits
        this.#bits = 0
        this.#count = 0
      } else if (meaning === padding) {
        this.#padding += 1
        if (this.#count < 2 || this.#count + this.#padding > 4) throw this.#invalid()
        if (this.#count + this.#padding < 4) continue
        decoded[size++] = this.#count === 2 ? this.#bits >> 4 : this.#bits >> 10
        if (this.#count === 3) decoded[size++] = this.#bits >> 2
      } else if (meaning !== space) throw this.#invalid()
    }
    return decoded.subarray(0, size)
  }

  /** To be called at the end of the input. */
  end(): void {
    const whole = this.#count === 0 || this.#count + this.#padding === 4
    if (this.#escape !== '' || !whole) throw this.#invalid()
  }

  /** What an escape stands for, when it ends with this byte; otherwise nothing. */
  #unescaped(byte: number): number {
    this.#escape += String.fromCharCode(byte)
    if (this.#escape.startsWith('\\u') && this.#escape.length < 6) return space
    let character: string
    try {
      character = JSON.parse(`"${this.#escape}"`) as string
    } catch {
      throw this.#invalid()
    }
    this.#escape = ''
    const meaning = meanings[character.charCodeAt(0)] ?? invalidByte
    return meaning === backslash ? invalidByte : meaning
  }
}
