/** Tables for people: columns as wide as their content, on a terminal no wider than that. */
import type { Output } from './output.ts'

export interface Column<Row> {
  readonly title: string
  readonly value: (row: Row) => string
}

/** Prints a head and a line for each row. `columns`: characters of a line; the last column is cut to it. */
export function tableOf<Row>(
  rows: readonly Row[],
  columns: readonly Column<Row>[],
  width: number = Number.POSITIVE_INFINITY,
): string {
  const cells = [columns.map(({ title }) => title), ...rows.map((row) => columns.map(({ value }) => plain(value(row))))]
  const widths = columns.map((_, column) => Math.max(...cells.map((line) => [...(line[column] ?? '')].length)))
  const lines = cells.map((line) => {
    const text = line.map((cell, column) => cell + ' '.repeat((widths[column] ?? 0) - [...cell].length)).join('  ')
    const cut = [...text.trimEnd()]
    return cut.length <= width ? cut.join('') : `${cut.slice(0, width - 1).join('')}…`
  })
  return `${lines.join('\n')}\n`
}

/** A table on a terminal, and for scripts the first column alone, a line each. */
export function printRows<Row>(output: Output, rows: readonly Row[], columns: readonly Column<Row>[]): void {
  const [first] = columns
  if (process.stdout.isTTY) output.out(tableOf(rows, columns, process.stdout.columns || undefined))
  else if (first !== undefined) output.out(rows.map((row) => `${plain(first.value(row))}\n`).join(''))
}

/** What comes from a server must not steer the terminal. */
function plain(text: string): string {
  return text.replaceAll(/[\u0000-\u001f\u007f-\u009f]/g, '?')
}
