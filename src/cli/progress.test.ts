import { expect, test } from 'bun:test'
import { amountText, ByteProgress, bytesText } from './progress.ts'

test.each([
  [0, '0 B'],
  [999, '999 B'],
  [1_000, '1.0 kB'],
  [9_940_000, '9.9 MB'],
  [12_345_678, '12 MB'],
  [3_400_000_000, '3.4 GB'],
  [5e15, '5000 TB'],
])('%d bytes -> %s', (bytes, text) => {
  expect(bytesText(bytes)).toBe(text)
})

test.each([
  [0, undefined, undefined, '0 B'],
  [5_000_000, undefined, 2_000_000, '5.0 MB, 2.0 MB/s'],
  [25, 100, undefined, '█████░░░░░░░░░░░░░░░  25 %  25 B of 100 B'],
  [50e6, 200e6, 10e6, '█████░░░░░░░░░░░░░░░  25 %  50 MB of 200 MB, 10 MB/s, 15 s left'],
  [100, 100, 100, '████████████████████ 100 %  100 B of 100 B, 100 B/s, 0 s left'],
  [300, 100, undefined, '████████████████████ 100 %  300 B of 100 B'],
  [1, 36_001, 1, '░░░░░░░░░░░░░░░░░░░░   0 %  1 B of 36 kB, 1 B/s, 10.0 h left'],
  [0, 600, 1, '░░░░░░░░░░░░░░░░░░░░   0 %  0 B of 600 B, 1 B/s, 10 min left'],
])('%d of %p at %p a second -> %s', (done, of, perSecond, text) => {
  expect(amountText(done, of, perSecond)).toBe(text)
})

test('what passes is shown a few times a second, not each time', () => {
  const said: string[] = []
  const progress = new ByteProgress({ say: (text) => said.push(text) }, 'Sending', 100)
  for (let n = 0; n < 50; n++) progress.add(1)
  expect(said[0]).toBe('Sending ░░░░░░░░░░░░░░░░░░░░   1 %  1 B of 100 B')
  expect(said.length).toBeLessThan(50)
})
