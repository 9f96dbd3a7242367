/**
 * Keys out of what a terminal sends (ECMA-48 control sequences, as xterm and the Linux console use them for keys):
 * characters, Control as a control character, Alt as ESC before the key, arrows and function keys as sequences.
 */

import { type Key, type KeyStroke, strokeOf } from '../index.ts';

const ESC = '\x1b';

/** Keys by the letter that ends `ESC [` or `ESC O`. */
const BY_LETTER: Readonly<Record<string, Key>> = {
  A: 'ArrowUp',
  B: 'ArrowDown',
  C: 'ArrowRight',
  D: 'ArrowLeft',
  F: 'End',
  H: 'Home',
  M: 'NumpadEnter',
  P: 'F1',
  Q: 'F2',
  R: 'F3',
  S: 'F4',
  Z: 'Tab',
};

/** Keys by the number in `ESC [ number ~`. */
const BY_NUMBER: Readonly<Record<number, Key>> = {
  1: 'Home',
  2: 'Insert',
  3: 'Delete',
  4: 'End',
  5: 'PageUp',
  6: 'PageDown',
  7: 'Home',
  8: 'End',
  11: 'F1',
  12: 'F2',
  13: 'F3',
  14: 'F4',
  15: 'F5',
  17: 'F6',
  18: 'F7',
  19: 'F8',
  20: 'F9',
  21: 'F10',
  23: 'F11',
  24: 'F12',
};

/** Keys of the Linux console: `ESC [ [ letter`. */
const CONSOLE_KEYS: Readonly<Record<string, Key>> = { A: 'F1', B: 'F2', C: 'F3', D: 'F4', E: 'F5' };

// What follows ESC.
const CONSOLE_SEQUENCE = /^\[\[([A-E])/;
const SEQUENCE = /^(?:\[([0-9;]*)|O)([A-Za-z~])/;
/** What may become a sequence with the next byte. */
const UNFINISHED = /^(?:\[\[?[0-9;]*|O)?$/;

/** What was recognized, and how many characters it took. */
interface Decoded {
  readonly stroke: KeyStroke | undefined;
  readonly length: number;
}

/** Decodes bytes as they come. */
export class KeyDecoder {
  #text = '';

  /** The keys in `bytes`. With `isAll` nothing more belongs to them: an ESC at the end is the Escape key. */
  decode(bytes: Uint8Array, isAll: boolean): KeyStroke[] {
    this.#text += Buffer.from(bytes).toString('latin1');
    const strokes: KeyStroke[] = [];
    while (this.#text !== '' && (isAll || !isUnfinished(this.#text))) {
      const { stroke, length } = first(this.#text);
      if (stroke !== undefined) strokes.push(stroke);
      this.#text = this.#text.slice(length);
    }
    return strokes;
  }
}

function isUnfinished(text: string): boolean {
  return text.startsWith(ESC) && UNFINISHED.test(text.slice(1));
}

function first(text: string): Decoded {
  if (text[0] !== ESC) return { stroke: strokeOf(text[0] ?? ''), length: 1 };
  const rest = text.slice(1);
  const onConsole = CONSOLE_SEQUENCE.exec(rest);
  if (onConsole) return { stroke: keyStroke(CONSOLE_KEYS[onConsole[1] ?? '']), length: 4 };
  const sequence = SEQUENCE.exec(rest);
  if (sequence) return { stroke: fromSequence(sequence), length: 1 + sequence[0].length };
  if (rest === '' || rest.startsWith(ESC)) return { stroke: strokeOf(ESC), length: 1 };
  const stroke = strokeOf(rest[0] ?? '');
  return { stroke: stroke && { ...stroke, alt: true }, length: 2 };
}

function keyStroke(key: Key | undefined, modifiers = 0): KeyStroke | undefined {
  if (key === undefined) return undefined;
  const [shift, alt, control] = [1, 2, 4].map((bit) => (modifiers & bit) !== 0);
  return { key, ...(shift && { shift }), ...(alt && { alt }), ...(control && { control }) };
}

/** `ESC [ number ; modifiers + 1 letter`; the number says which key only before `~`. */
function fromSequence([, parameters = '', letter = '']: RegExpExecArray): KeyStroke | undefined {
  const [number = 0, modifiers = 1] = parameters.split(';').map(Number);
  const key = letter === '~' ? BY_NUMBER[number] : BY_LETTER[letter];
  return keyStroke(key, letter === 'Z' ? 1 : modifiers - 1);
}
