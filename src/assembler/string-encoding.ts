/** Strings in UTF-16 and UTF-32 (NASM manual 3.4.5); as bytes, code units 0-255. */

import { LineError } from './diagnostics.ts';

type StringFunction = (bytes: string) => string;

const NAME = /^__(\??)utf(16|32)(le|be|)\1__$/i;

/** The function that `__?utf16?__`, `__utf32be__` and their like name. */
export function stringFunction(name: string): StringFunction | undefined {
  const match = NAME.exec(name);
  if (!match) return undefined;
  const isWide = match[2] === '32';
  const isBig = match[3]?.toLowerCase() === 'be';
  return (bytes) => {
    const text = decode(bytes, name);
    if (!isWide)
      return Array.from({ length: text.length }, (_, i) => unit(text.charCodeAt(i), 2, isBig)).join(
        '',
      );
    return Array.from(text, (char) => unit(char.codePointAt(0) as number, 4, isBig)).join('');
  };
}

function decode(bytes: string, name: string): string {
  try {
    const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
    return utf8.decode(Uint8Array.from(bytes, (char) => char.charCodeAt(0)));
  } catch {
    throw new LineError(`invalid input string to \`${name}'`);
  }
}

/** A number as so many bytes. */
function unit(value: number, size: number, isBig: boolean): string {
  const bytes = Array.from({ length: size }, (_, i) =>
    String.fromCharCode((value >>> (8 * i)) & 0xff),
  );
  return (isBig ? bytes.reverse() : bytes).join('');
}
