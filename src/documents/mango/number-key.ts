/** Numbers as bytes whose order is the order of the numbers. */

/** Keeps exponents positive; far beyond what finite doubles need. */
const bias = 0xc000
const maxExponent = 0x3fff

/**
 * Hex digits: two bytes of sign and decimal exponent, then the decimal digits as nibbles (digit + 1) closed by a zero
 * nibble. All of it is complemented for negative numbers. Exact for any integer; `1` and `1.0`, `0` and `-0` are equal.
 */
export function numberKey(value: number | bigint): string {
  if (value === 0 || value === 0n) return '8000'
  const negative = value < 0
  const { digits, exponent } = decimal(negative ? -value : value)
  let key = (bias + Math.max(-maxExponent, Math.min(maxExponent, exponent))).toString(16)
  for (let i = 0; i < digits.length; i++) key += (digits.charCodeAt(i) - 47).toString(16)
  key += digits.length % 2 === 0 ? '00' : '0'
  return negative ? complement(key) : key
}

/** The number that a key was made of, as a double. */
export function numberOfKey(key: string): number {
  if (key === '8000') return 0
  const negative = key < '8'
  const plain = negative ? complement(key) : key
  const exponent = Number.parseInt(plain.slice(0, 4), 16) - bias
  let digits = ''
  for (let at = 4; at < plain.length && plain.charAt(at) !== '0'; at++) {
    digits += Number.parseInt(plain.charAt(at), 16) - 1
  }
  const value = Number(`${digits.slice(0, 1)}.${digits.slice(1)}e${exponent}`)
  return negative ? -value : value
}

/** `d.ddd` times ten to the exponent, without trailing zeros. */
function decimal(value: number | bigint): { digits: string; exponent: number } {
  // A double above 2^53 is written out in full: its shortest form is rounded and would not compare with integers.
  if (typeof value === 'bigint' || value > Number.MAX_SAFE_INTEGER) {
    const text = BigInt(value).toString()
    return { digits: text.replace(/0+$/, ''), exponent: text.length - 1 }
  }
  const [mantissa, exponent] = value.toExponential().split('e') as [string, string]
  return { digits: mantissa.replace('.', ''), exponent: Number(exponent) }
}

function complement(key: string): string {
  let inverted = ''
  for (let i = 0; i < key.length; i++) inverted += (15 - Number.parseInt(key.charAt(i), 16)).toString(16)
  return inverted
}
