/**
 * JSON as the recorder of the cases saw it: integers are `bigint`, numbers written with a point or an exponent are
 * `number`, objects are `Map` in the order of the text (the last of two equal names wins). Nothing is lost, and
 * comparing a `bigint` with a `number` by `==` is exact, as it was for the recorder.
 */
export type Recorded = null | boolean | bigint | number | string | Recorded[] | Map<string, Recorded>

/** Reads JSON text. Throws `SyntaxError` where the text is not JSON. */
export function parseRecorded(text: string): Recorded {
  const reader = new Reader(text)
  const value = reader.value()
  reader.end()
  return value
}

const numberText = /-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?/y
const stringText = /"(?:[^"\\\u0000-\u001f]|\\.)*"/y
const space = /[ \t\r\n]*/y

class Reader {
  #at = 0
  readonly #text: string

  constructor(text: string) {
    this.#text = text
  }

  value(): Recorded {
    this.#skip()
    switch (this.#text[this.#at]) {
      case '{':
        return this.#object()
      case '[':
        return this.#array()
      case '"':
        return this.#string()
      case 't':
        return this.#word('true', true)
      case 'f':
        return this.#word('false', false)
      case 'n':
        return this.#word('null', null)
      default:
        return this.#number()
    }
  }

  end(): void {
    this.#skip()
    if (this.#at !== this.#text.length) this.#fail()
  }

  #object(): Map<string, Recorded> {
    const members = new Map<string, Recorded>()
    this.#at++
    if (this.#take('}')) return members
    do {
      this.#skip()
      const name = this.#string()
      if (!this.#take(':')) this.#fail()
      members.set(name, this.value())
    } while (this.#take(','))
    if (!this.#take('}')) this.#fail()
    return members
  }

  #array(): Recorded[] {
    const items: Recorded[] = []
    this.#at++
    if (this.#take(']')) return items
    do {
      items.push(this.value())
    } while (this.#take(','))
    if (!this.#take(']')) this.#fail()
    return items
  }

  #string(): string {
    return JSON.parse(this.#match(stringText)[0]) as string
  }

  #number(): bigint | number {
    const match = this.#match(numberText)
    return match[1] === undefined && match[2] === undefined ? BigInt(match[0]) : Number(match[0])
  }

  #word<T>(word: string, value: T): T {
    if (!this.#text.startsWith(word, this.#at)) this.#fail()
    this.#at += word.length
    return value
  }

  #match(pattern: RegExp): RegExpExecArray {
    pattern.lastIndex = this.#at
    const match = pattern.exec(this.#text)
    if (match === null) return this.#fail()
    this.#at = pattern.lastIndex
    return match
  }

  #take(mark: string): boolean {
    this.#skip()
    if (this.#text[this.#at] !== mark) return false
    this.#at++
    return true
  }

  #skip(): void {
    space.lastIndex = this.#at
    space.exec(this.#text)
    this.#at = space.lastIndex
  }

  #fail(): never {
    throw new SyntaxError(`unexpected text at ${this.#at}: ${this.#text.slice(this.#at, this.#at + 20)}`)
  }
}

export interface PrintOptions {
  /** Names in code point order. */
  readonly sorted?: boolean
  /** Everything outside printable ASCII as `\uXXXX`. */
  readonly ascii?: boolean
}

/** Prints JSON text; whole numbers that were floating stay recognisable (`3.0`). */
export function printRecorded(value: Recorded, options: PrintOptions = {}): string {
  if (typeof value === 'string') return options.ascii ? asciiString(value) : JSON.stringify(value)
  if (typeof value === 'number') return floatText(value)
  if (typeof value === 'bigint') return value.toString()
  if (value === null || typeof value === 'boolean') return String(value)
  if (Array.isArray(value)) return `[${value.map((item) => printRecorded(item, options)).join(', ')}]`
  const names = [...value.keys()]
  if (options.sorted) names.sort(byCodePoint)
  const members = names.map((name) => `${printRecorded(name, options)}: ${printRecorded(value.get(name)!, options)}`)
  return `{${members.join(', ')}}`
}

/** A text that orders values the same way for the recorder and here. */
export function canonical(value: Recorded): string {
  return printRecorded(value, { sorted: true, ascii: true })
}

/** Orders strings by code points (JavaScript's own order is by UTF-16 units). */
export function byCodePoint(a: string, b: string): number {
  const left = [...a]
  const right = [...b]
  for (let i = 0; i < left.length && i < right.length; i++) {
    const difference = left[i]!.codePointAt(0)! - right[i]!.codePointAt(0)!
    if (difference !== 0) return difference
  }
  return left.length - right.length
}

function asciiString(text: string): string {
  return JSON.stringify(text).replace(/[^ -~]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

function floatText(value: number): string {
  const size = Math.abs(value)
  if (Number.isInteger(value) && size < 1e16) return `${Object.is(value, -0) ? '-0' : value}.0`
  if (size >= 1e-4 && size < 1e16) return String(value)
  const [digits, exponent] = value.toExponential().split('e') as [string, string]
  return `${digits}e${exponent[0]}${exponent.slice(1).padStart(2, '0')}`
}
