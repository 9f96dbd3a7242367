/** Which keys type a character on a US keyboard. */

import type { Key } from '../devices/keys.ts';

/** A key with the keys that are held meanwhile. */
export interface KeyStroke {
  readonly key: Key;
  readonly shift?: boolean;
  readonly control?: boolean;
  readonly alt?: boolean;
}

/** Keys of characters, without and with Shift: `name` followed by the two characters. */
const SYMBOLS: readonly (readonly [Key, string, string])[] = [
  ['Backquote', '`', '~'],
  ['Digit1', '1', '!'],
  ['Digit2', '2', '@'],
  ['Digit3', '3', '#'],
  ['Digit4', '4', '$'],
  ['Digit5', '5', '%'],
  ['Digit6', '6', '^'],
  ['Digit7', '7', '&'],
  ['Digit8', '8', '*'],
  ['Digit9', '9', '('],
  ['Digit0', '0', ')'],
  ['Minus', '-', '_'],
  ['Equal', '=', '+'],
  ['BracketLeft', '[', '{'],
  ['BracketRight', ']', '}'],
  ['Backslash', '\\', '|'],
  ['Semicolon', ';', ':'],
  ['Quote', "'", '"'],
  ['Comma', ',', '<'],
  ['Period', '.', '>'],
  ['Slash', '/', '?'],
];

function layout(): ReadonlyMap<string, KeyStroke> {
  const strokes = new Map<string, KeyStroke>([
    [' ', { key: 'Space' }],
    ['\t', { key: 'Tab' }],
    ['\r', { key: 'Enter' }],
    ['\n', { key: 'Enter' }],
    ['\b', { key: 'Backspace' }],
    ['\x7f', { key: 'Backspace' }],
    ['\x1b', { key: 'Escape' }],
  ]);
  for (const [key, plain, shifted] of SYMBOLS) {
    strokes.set(plain, { key });
    strokes.set(shifted, { key, shift: true });
  }
  for (let n = 0; n < 26; n++) {
    const capital = String.fromCharCode(0x41 + n);
    const key = `Key${capital}` as Key;
    strokes.set(capital.toLowerCase(), { key });
    strokes.set(capital, { key, shift: true });
    const control = String.fromCharCode(n + 1);
    if (!strokes.has(control)) strokes.set(control, { key, control: true });
  }
  strokes.set('\0', { key: 'Space', control: true });
  strokes.set('\x1c', { key: 'Backslash', control: true });
  strokes.set('\x1d', { key: 'BracketRight', control: true });
  strokes.set('\x1e', { key: 'Digit6', control: true });
  strokes.set('\x1f', { key: 'Minus', control: true });
  return strokes;
}

const STROKES = layout();

/** The keys that type `character`, undefined if no key does. Control characters are letters with Control. */
export function strokeOf(character: string): KeyStroke | undefined {
  return STROKES.get(character);
}
