import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { Problem } from '../errors.ts'
import { bodyDigest, decodeText, elementsOf, memberOf, needsRaw, parseJson, stringifyJson } from './exact.ts'
import { maxTextDepth } from './scan.ts'
import type { Json } from './value.ts'

function reprinted(text: string): string {
  return stringifyJson(parseJson(text).exact)
}

function problemOf(run: () => unknown): Problem {
  try {
    run()
  } catch (error) {
    if (error instanceof Problem) return error
    throw error
  }
  throw new Error('no problem was thrown')
}

describe('numbers are printed as CouchDB prints them', () => {
  test.each([
    ['0', '0'],
    ['-0', '0'],
    ['0.0', '0.0'],
    ['-0.0', '0.0'],
    ['0e5', '0.0'],
    ['-1e-400', '0.0'],
    ['1', '1'],
    ['-5', '-5'],
    ['1.0', '1.0'],
    ['-1.0', '-1.0'],
    ['1.00', '1.0'],
    ['1.10', '1.1'],
    ['0.1', '0.1'],
    ['2.50', '2.5'],
    ['1e0', '1.0'],
    ['1e5', '100000.0'],
    ['1E5', '100000.0'],
    ['1e+5', '100000.0'],
    ['15e-1', '1.5'],
    ['1E-7', '1e-7'],
    ['0.0000001', '1e-7'],
    ['1e20', '100000000000000000000.0'],
    ['1e21', '1e+21'],
    ['1e22', '1e+22'],
    ['1e300', '1e+300'],
    ['5e-324', '0.0'],
    ['1.7976931348623157e308', '1.7976931348623157e+308'],
    ['12345678901234567890123.0', '1.2345678901234568e+22'],
    ['0.1000000000000000055511151231257827', '0.1'],
    ['99999999.99999999999', '100000000.0'],
    ['1.00000000000000000001', '1.0'],
    ['123456789.12345679', '123456789.12345679'],
    ['9007199254740991', '9007199254740991'],
    ['9007199254740993', '9007199254740993'],
    ['-9007199254740993', '-9007199254740993'],
    ['12345678901234567890', '12345678901234567890'],
    [`1${'0'.repeat(300)}`, `1${'0'.repeat(300)}`],
  ])('%s is printed %s', (written, printed) => {
    expect(reprinted(written)).toBe(printed)
    expect(reprinted(` {"a" : [ ${written} ,"x"]}\n`)).toBe(`{"a":[${printed},"x"]}`)
  })
})

describe('numbers as values', () => {
  test.each<[string, Json]>([
    ['1.0', 1],
    ['1e5', 100000],
    ['1e21', 1e21],
    ['9007199254740991', 9007199254740991],
    ['9007199254740992', 9007199254740992n],
    ['-9007199254740993', -9007199254740993n],
    ['1000000000000000000000000000000', 10n ** 30n],
    ['[1,2.0,12345678901234567890]', [1, 2, 12345678901234567890n]],
    ['{"a":{"b":1.0},"c":[]}', { a: { b: 1 }, c: [] }],
  ])('%s', (text, value) => {
    expect(parseJson(text).value).toStrictEqual(value)
  })

  test('there is no negative zero', () => {
    for (const text of ['-0', '-0.0', '-0e3', '[-0]']) {
      const { value } = parseJson(text)
      expect(Object.is(Array.isArray(value) ? value[0] : value, 0)).toBe(true)
    }
  })

  test('both forms are one object when no number needs care', () => {
    for (const text of [
      '{"a":1,"b":0.5,"c":1e-7,"d":"1.0","e":"1e5","f":9007199254740991,"g":-3.14159}',
      '[]',
      '"x"',
    ]) {
      const { value, exact } = parseJson(text)
      expect(value).toBe(exact)
    }
    const { value, exact } = parseJson('{"a":1.0,"b":{"c":1}}')
    expect(value).not.toBe(exact)
  })
})

describe('text that is refused', () => {
  test.each([
    [''],
    ['{'],
    ['{"a":1} x'],
    ['{"n":01}'],
    ['{"n":.5}'],
    ['{"n":+1}'],
    ['{"n":1.}'],
    ['{"n":--1}'],
    ['{"n":1e}'],
    ['{"n":NaN}'],
    ["{'a':1}"],
    ['{"a":1,}'],
    ['{"a":[1,]}'],
    ['{"s":"\\x"}'],
    ['{"s":"tab\there"}'],
    ['{"s":"open'],
    ['\ufeff{}'],
    ['[}'],
    ['undefined'],
  ])('malformed: %j', (text) => {
    const { code, reason } = problemOf(() => parseJson(text))
    expect([code, reason]).toEqual(['bad_request', 'invalid UTF-8 JSON'])
  })

  test.each([
    ['{"s":"\\ud83d"}'],
    ['{"s":"\\ude00x"}'],
    ['{"s":"\\uD83D\\uD83D\\uDE00"}'],
    ['{"\\ud83d":1}'],
    ['["\\ud83d\\\\ude00"]'],
    ['"\ud83d"'],
  ])('half of a surrogate pair: %j', (text) => {
    const { code, reason } = problemOf(() => parseJson(text))
    expect([code, reason]).toEqual(['bad_request', 'invalid UTF-8 JSON: a string holds half of a surrogate pair'])
  })

  test.each([['1E400'], ['-1e400'], ['9'.repeat(400)], [`-${'9'.repeat(400)}`], [`${'9'.repeat(400)}.5`]])(
    'no finite double: %s',
    (number) => {
      const { code, reason } = problemOf(() => parseJson(`{"n":${number}}`))
      expect(code).toBe('bad_request')
      expect(reason).toContain('outside the range of a double')
      expect(reason.length).toBeLessThan(120)
    },
  )

  test.each([maxTextDepth + 1, 10_000, 1_000_000])('%d levels', (levels) => {
    const texts = [
      '['.repeat(levels) + ']'.repeat(levels),
      `${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}`,
      '['.repeat(levels),
      `${'[]'.repeat(3)}${'['.repeat(levels)}`,
    ]
    for (const text of texts) {
      const { code, reason } = problemOf(() => parseJson(text))
      expect(code).toBe('bad_request')
      expect(reason).toContain(`deeper than ${maxTextDepth} levels`)
    }
  })

  test('closing brackets in front do not hide the nesting', () => {
    expect(problemOf(() => parseJson(`${']'.repeat(1_000_000)}${'['.repeat(1_000_000)}`)).code).toBe('bad_request')
  })
})

describe('text that is kept', () => {
  test('as deep as allowed, whatever the strings hold', () => {
    const text = `${'['.repeat(maxTextDepth)}"${'['.repeat(500)}\\"${'['.repeat(500)}"${']'.repeat(maxTextDepth)}`
    expect(reprinted(text)).toBe(text)
  })

  test('numbers inside strings are text', () => {
    const text = '{"a":"1.0","b\\"":"x,1e5,","c":":1.0,","d":["\\\\",1],"e":"-0"}'
    expect(reprinted(text)).toBe(text)
  })

  test('pairs of surrogates, escaped or not, U+0000 and U+2028', () => {
    expect(parseJson('"\\ud83d\\ude00"').value).toBe('😀')
    expect(parseJson('"😀"').value).toBe('😀')
    expect(reprinted('{"k\\u0000":"a\\u0000b"}')).toBe('{"k\\u0000":"a\\u0000b"}')
    expect(parseJson('"\\u2028\\/"').value).toBe('\u2028/')
  })

  test('of duplicate members the last wins', () => {
    expect(reprinted('{"a":1.0,"a":2.0}')).toBe('{"a":2.0}')
    expect(parseJson('{"a":{"b":1,"b":{"c":2}}}').value).toStrictEqual({ a: { b: { c: 2 } } })
  })

  test('__proto__ is a member like any other, at any depth', () => {
    for (const one of ['1', '1.0', '12345678901234567890']) {
      const text = `{"a":{"__proto__":{"x":${one},"__proto__":[]}},"constructor":1}`
      const { value, exact } = parseJson(text)
      expect(stringifyJson(exact)).toBe(text)
      const inner = (value as { a: Json }).a
      expect(Object.keys(inner as object)).toEqual(['__proto__'])
      expect(bodyDigest(value)).not.toBe(bodyDigest({ a: {}, constructor: 1 } as unknown as Json))
    }
  })
})

test('bytes that are no UTF-8 are refused', () => {
  expect(decodeText(new TextEncoder().encode('{"é":"😀"}'))).toBe('{"é":"😀"}')
  for (const bytes of [[0xff], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0x22, 0xc3]]) {
    expect(problemOf(() => decodeText(new Uint8Array(bytes))).reason).toBe('invalid UTF-8 JSON')
  }
})

test('members and elements keep both forms', () => {
  const body = parseJson('{"docs":[{"n":1.0},5],"x":1}')
  const docs = memberOf(body, 'docs')
  const elements = docs && elementsOf(docs)
  expect(elements?.map(({ exact }) => stringifyJson(exact))).toEqual(['{"n":1.0}', '5'])
  expect(elements?.[0]?.value).toEqual({ n: 1 })
  expect(memberOf(body, 'toString')).toBeUndefined()
  expect(memberOf(parseJson('[1]'), '0')).toBeUndefined()
  expect(elementsOf(body)).toBeUndefined()
})

test('bigints are printed digit by digit', () => {
  expect(stringifyJson({ a: [12345678901234567890n, 1.5], b: 'x' })).toBe('{"a":[12345678901234567890,1.5],"b":"x"}')
})

describe('what jsonb would not give back', () => {
  test.each([
    ['{"a":1,"b":"x"}', false],
    ['{"a":"\\u0000"}', true],
    ['{"a\\u0000":1}', true],
    ['{"a":"\\\\u0000"}', false],
    ['{"a":"\\\\\\u0000"}', true],
    ['{"a":"\\\\\\\\u0000"}', false],
    ['{"a":"\\u00001","b":"\\\\u0000"}', true],
    ['{"a":"\\u0001"}', false],
    ['{"a":1e+22}', true],
    ['{"a":1e-7}', true],
    ['[5e-300]', true],
    ['1e-7', true],
    ['{"a":[0.5,-1.5e+30]}', true],
    ['{"a":100000.0}', false],
    ['{"a":"1e5"}', false],
    ['{"a":":1e5,"}', false],
    ['{"a":"\\":1e5"}', false],
    ['{"a":"[1e5","b":1e-9}', true],
    ['{"a":"3e8a7b1c"}', false],
    ['{"1e5":2}', false],
  ])('%s: %p', (text, raw) => {
    expect(needsRaw(text)).toBe(raw)
  })
})

describe('digest of a body', () => {
  test.each([
    ['{"a":1,"b":2}', '{"b":2,"a":1}'],
    ['{"a":{"x":[1,{"p":1,"q":2}],"y":2}}', '{"a":{"y":2,"x":[1,{"q":2,"p":1}]}}'],
    ['{"n":1}', '{"n":1.0}'],
    ['{"n":1}', '{"n":1e0}'],
    ['{"n":100}', '{"n":1E2}'],
    ['{"n":0}', '{"n":-0.0}'],
    ['{"n":0.1}', '{"n":1e-1}'],
    ['{"s":"é"}', '{"s":"\\u00e9"}'],
    ['{"2":1,"10":2,"a":3}', '{"a":3,"10":2,"2":1}'],
    ['{"x":{"__proto__":1,"a":2}}', '{"x":{"a":2,"__proto__":1}}'],
  ])('%s equals %s', (a, b) => {
    expect(bodyDigest(parseJson(a).value)).toBe(bodyDigest(parseJson(b).value))
  })

  test.each([
    ['{"a":1}', '{"a":2}'],
    ['{"a":[1,2]}', '{"a":[2,1]}'],
    ['{"a":1}', '{"a":"1"}'],
    ['{"a":null}', '{}'],
    ['{"a":9007199254740993}', '{"a":9007199254740992}'],
    ['{"a":{"b":1}}', '{"a":{},"b":1}'],
  ])('%s differs from %s', (a, b) => {
    expect(bodyDigest(parseJson(a).value)).not.toBe(bodyDigest(parseJson(b).value))
  })

  test('is part of stored revisions and must not change', () => {
    expect(bodyDigest({})).toBe('99914b932bd37a50b983c5e7c90ae93b')
    const body = parseJson('{"b":[1.0,"é\\n",null,true],"a":{"z":12345678901234567890,"10":-0.5}}').value
    expect(bodyDigest(body)).toBe('481c8b585b776cdbe45082ba00d926b7')
  })
})

describe('laws', () => {
  const numbers = fc.oneof(
    fc.integer().map(String),
    fc.bigInt({ min: -(10n ** 40n), max: 10n ** 40n }).map(String),
    fc.double({ noNaN: true, noDefaultInfinity: true }).map(String),
    fc.double({ noNaN: true, noDefaultInfinity: true }).map((n) => n.toExponential()),
    fc.tuple(fc.integer(), fc.nat(30)).map(([n, zeros]) => `${n}.${'0'.repeat(zeros + 1)}`),
  )
  const names = fc.oneof(fc.string({ unit: 'grapheme' }), fc.constantFrom('__proto__', 'a', '1', '0', ''))
  const { tree } = fc.letrec<{ tree: string }>((tie) => ({
    tree: fc.oneof(
      { maxDepth: 4 },
      numbers,
      fc.string({ unit: 'binary' }).map((text) => JSON.stringify(text.toWellFormed())),
      fc.constantFrom('null', 'true', 'false'),
      fc.array(tie('tree'), { maxLength: 4 }).map((items) => `[${items.join(' , ')}]`),
      fc.uniqueArray(fc.tuple(names, tie('tree')), { maxLength: 4, selector: ([name]) => name }).map(objectText),
    ),
  }))

  function objectText(members: readonly (readonly [string, string])[]): string {
    return `{${members.map(([name, member]) => `${JSON.stringify(name)}: ${member}`).join(',')}}`
  }

  test('what is printed is parsed to the same value and printed alike', () => {
    fc.assert(
      fc.property(tree, (text) => {
        const { value, exact } = parseJson(text)
        const printed = stringifyJson(exact)
        const again = parseJson(printed)
        expect(again.value).toStrictEqual(value)
        expect(stringifyJson(again.exact)).toBe(printed)
        expect(bodyDigest(again.value)).toBe(bodyDigest(value))
      }),
      { numRuns: 500 },
    )
  })

  test('values agree with JSON.parse but for integers beyond a double', () => {
    fc.assert(
      fc.property(tree, (text) => {
        const rounded = JSON.parse(stringifyJson(parseJson(text).value))
        expect(stringifyJson(rounded)).toBe(JSON.stringify(JSON.parse(text, withoutSubnormals)))
      }),
      { numRuns: 500 },
    )
  })

  test('the digest does not depend on the order of members', () => {
    const members = fc.uniqueArray(fc.tuple(names, tree), { minLength: 2, maxLength: 6, selector: ([name]) => name })
    fc.assert(
      fc.property(members, fc.infiniteStream(fc.nat()), (all, keys) => {
        const shuffled = all.map((member) => ({ member, key: keys.next().value ?? 0 })).sort((a, b) => a.key - b.key)
        const other = objectText(shuffled.map(({ member }) => member))
        expect(bodyDigest(parseJson(other).value)).toBe(bodyDigest(parseJson(objectText(all)).value))
      }),
    )
  })
})

/** CouchDB answers 0.0 for numbers below 2^-1022. */
function withoutSubnormals(_name: string, value: unknown): unknown {
  return typeof value === 'number' && Math.abs(value) < 2 ** -1022 ? 0 : value
}
