/** Quoted strings: NASM's escapes in backquotes, and strings used as numbers (NASM manual 3.4.2). */

const SIMPLE: Readonly<Record<string, number>> = {
  a: 7,
  b: 8,
  t: 9,
  n: 10,
  v: 11,
  f: 12,
  r: 13,
  e: 27,
};

const utf8 = new TextEncoder();

/** Bytes as a string of code units 0-255. */
function toByteString(text: string): string {
  let bytes = '';
  for (const byte of utf8.encode(text)) bytes += String.fromCharCode(byte);
  return bytes;
}

const ESCAPE =
  /\\(?:x([0-9A-Fa-f]{1,2})|u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|([0-7]{1,3})|([\s\S]))/g;

/**
 * What a quoted text holds, as a string of bytes (code units 0-255): source text is UTF-8, and only
 * backquotes know escapes.
 */
export function unquote(quoted: string): string {
  const body = quoted.slice(1, -1);
  if (!quoted.startsWith('`') || !body.includes('\\')) return toByteString(body);
  let bytes = '';
  let last = 0;
  for (const match of body.matchAll(ESCAPE)) {
    bytes += toByteString(body.slice(last, match.index));
    bytes += escapeBytes(match);
    last = match.index + match[0].length;
  }
  return bytes + toByteString(body.slice(last));
}

function escapeBytes(match: RegExpMatchArray): string {
  const [, hex, short, long, octal, char] = match;
  if (hex !== undefined) return String.fromCharCode(Number.parseInt(hex, 16));
  if (octal !== undefined) return String.fromCharCode(Number.parseInt(octal, 8) & 0xff);
  const point = short ?? long;
  if (point !== undefined) {
    const value = Number.parseInt(point, 16);
    return value <= 0x10ffff ? toByteString(String.fromCodePoint(value)) : '';
  }
  const simple = SIMPLE[char as string];
  return simple !== undefined ? String.fromCharCode(simple) : toByteString(char as string);
}

/** `bytes` (code units 0-255) as a quoted string: in the plainest quotes that can hold them. */
export function quote(bytes: string): string {
  if (/^[ -~]*$/.test(bytes)) {
    if (!bytes.includes("'")) return `'${bytes}'`;
    if (!bytes.includes('"')) return `"${bytes}"`;
  }
  return `\`${bytes.replace(/[^ -_a-~]|\\/g, escapeByte)}\``;
}

const ESCAPES = new Map(Object.entries(SIMPLE).map(([letter, code]) => [code, `\\${letter}`]));

function escapeByte(char: string): string {
  if (char === '`' || char === '\\') return `\\${char}`;
  const code = char.charCodeAt(0);
  return ESCAPES.get(code) ?? `\\x${code.toString(16).padStart(2, '0')}`;
}

/** A string as a number: little-endian, the first eight bytes. */
export function stringValue(bytes: string): bigint {
  let value = 0n;
  for (let i = Math.min(bytes.length, 8) - 1; i >= 0; i--) {
    value = (value << 8n) | BigInt(bytes.charCodeAt(i));
  }
  return BigInt.asIntN(64, value);
}
