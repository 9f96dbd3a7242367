/** Lines to stdout and messages to stderr; colours where stderr is a terminal. */

const RED = '\x1b[31m';
const BOLD = '\x1b[1m';
const PLAIN = '\x1b[0m';

const hasColours = process.stderr.isTTY === true && !process.env['NO_COLOR'];

const paint = (style: string, text: string): string =>
  hasColours ? `${style}${text}${PLAIN}` : text;

/** Writes text to stdout. */
export function print(text: string | Uint8Array): void {
  process.stdout.write(text);
}

/** Writes a value as JSON to stdout; 64-bit numbers become hexadecimal strings. */
export function printJson(value: unknown): void {
  print(`${toJson(value)}\n`);
}

/** JSON in which a bigint is a hexadecimal string. */
export function toJson(value: unknown): string {
  const plain = (_key: string, item: unknown) =>
    typeof item === 'bigint' ? `0x${item.toString(16)}` : item;
  return JSON.stringify(value, plain, 2);
}

/** Control characters but tabs and ends of lines: what a file contains must not command the terminal. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const CONTROLS = /[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]/g;

const printable = (text: string): string => text.replace(CONTROLS, '\ufffd');

/** Writes a line to stderr. */
export function note(line: string): void {
  process.stderr.write(`${printable(line)}\n`);
}

/** A message of the program, its first line marked. */
export function complain(lines: readonly string[]): void {
  const [head = '', ...rest] = lines.map(printable);
  const first = `${paint(BOLD, 'trapline:')} ${paint(RED, head)}`;
  process.stderr.write(`${[first, ...rest].join('\n')}\n`);
}
