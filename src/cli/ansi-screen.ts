/**
 * A screen of text on a terminal (ECMA-48, as xterm takes it): only what has changed since the last time is drawn,
 * in the sixteen colours of the PC.
 */

import { CP437, type TextScreen } from '../index.ts';

const CSI = '\x1b[';
/** The order of the PC's colours is blue first, that of ECMA-48 red first. */
const COLOURS = [0, 4, 2, 6, 1, 5, 3, 7] as const;
const ATTRIBUTE_BRIGHT = 0x08;
const ATTRIBUTE_BLINK = 0x80;
/** A cell that no screen has. */
const UNKNOWN = -1;

/** What fits onto the terminal. */
export interface TerminalSize {
  readonly columns: number;
  readonly rows: number;
}

/** Draws screens. It remembers what the terminal shows. */
export class AnsiScreen {
  #shown = new Int32Array();
  #columns = 0;
  #cursor: number | undefined;
  #attribute = UNKNOWN;

  /** Everything is drawn anew the next time. */
  forget(): void {
    this.#columns = 0;
  }

  /** The control sequences that make a terminal of `size`, which shows the screen before, show this one. */
  draw(screen: TextScreen, size: TerminalSize): string {
    const { columns, cells, cursor } = screen;
    let text = '';
    if (columns !== this.#columns || cells.length !== this.#shown.length) {
      text += `${CSI}0m${CSI}2J`;
      this.#columns = columns;
      this.#shown = new Int32Array(cells.length).fill(UNKNOWN);
      this.#attribute = UNKNOWN;
      this.#cursor = UNKNOWN;
    }
    const changes = this.#drawCells(screen, size);
    if (changes === '' && cursor === this.#cursor) return text;
    this.#cursor = cursor;
    return `${text}${CSI}?25l${changes}${this.#showCursor(screen, size)}`;
  }

  #drawCells({ columns, cells, blinks }: TextScreen, size: TerminalSize): string {
    let text = '';
    let place = UNKNOWN;
    cells.forEach((cell, n) => {
      const [row, column] = [Math.floor(n / columns), n % columns];
      if (cell === this.#shown[n] || row >= size.rows || column >= size.columns) return;
      this.#shown[n] = cell;
      if (n !== place || column === 0) text += moveTo(row, column);
      text += this.#setAttribute(cell >> 8, blinks) + (CP437[cell & 0xff] ?? ' ');
      place = n + 1;
    });
    return text;
  }

  #setAttribute(attribute: number, blinks: boolean): string {
    if (attribute === this.#attribute) return '';
    this.#attribute = attribute;
    const foreground = colour(attribute & 15, 30);
    const background = colour((attribute >> 4) & (blinks ? 7 : 15), 40);
    const blink = blinks && attribute & ATTRIBUTE_BLINK ? ';5' : '';
    return `${CSI}0;${foreground};${background}${blink}m`;
  }

  #showCursor({ columns, cursor }: TextScreen, size: TerminalSize): string {
    if (cursor === undefined) return '';
    const [row, column] = [Math.floor(cursor / columns), cursor % columns];
    return row < size.rows && column < size.columns ? `${moveTo(row, column)}${CSI}?25h` : '';
  }
}

function moveTo(row: number, column: number): string {
  return `${CSI}${row + 1};${column + 1}H`;
}

/** The parameter of a colour; `base` is 30 for the character and 40 for its ground. */
function colour(number: number, base: number): number {
  const bright = number & ATTRIBUTE_BRIGHT ? 60 : 0;
  return base + bright + (COLOURS[number & 7] ?? 0);
}

/** A screen as lines of plain text, without the blanks at the ends of lines and of the screen. */
export function plainScreen({ columns, rows, cells }: TextScreen): string {
  const lines = Array.from({ length: rows }, (_, row) => {
    const line = cells.subarray(row * columns, (row + 1) * columns);
    return Array.from(line, (cell) => CP437[cell & 0xff] ?? ' ')
      .join('')
      .trimEnd();
  });
  return `${lines.join('\n').trimEnd()}\n`;
}
