/**
 * What a VGA in text mode shows: its registers say where in memory the characters lie, and how many
 * (IBM PS/2 Hardware Interface Technical Reference, CRT Controller Registers).
 */

import type { Vga } from '../devices/vga.ts';
import type { PhysicalMemory } from '../machine/memory.ts';
import { DISPLAY_MEMORY } from '../machine/memory-map.ts';

const CRTC_COLUMNS = 0x01; // less one
const CRTC_OVERFLOW = 0x07; // bits 1 and 6 are bits 8 and 9 of the last line
const CRTC_CHARACTER = 0x09; // 4:0 lines of a character less one
const CRTC_CURSOR_START = 0x0a; // 4:0 first line, 5 off
const CRTC_CURSOR_END = 0x0b; // 4:0 last line
const CRTC_START = 0x0c; // high, then low byte: the first character shown
const CRTC_CURSOR = 0x0e; // high, then low byte
const CRTC_LAST_LINE = 0x12; // low byte
const CRTC_STRIDE = 0x13; // pairs of characters in memory from one row to the next
const GRAPHICS_MISC = 0x06; // 0 graphics, 3:2 where memory is seen
const ATTRIBUTE_MODE = 0x10; // 3 attribute bit 7 blinks

const CURSOR_OFF = 0x20;
const LINE_MASK = 0x1f;
const MODE_GRAPHICS = 0x01;
const MODE_BLINK = 0x08;

/** Where display memory is seen, and how much of it, by bits 3:2 of GRAPHICS_MISC. */
const WINDOWS = [
  { base: DISPLAY_MEMORY, length: 0x20000 },
  { base: DISPLAY_MEMORY, length: 0x10000 },
  { base: 0xb0000, length: 0x8000 },
  { base: 0xb8000, length: 0x8000 },
] as const;

/** A screen of text. */
export interface TextScreen {
  readonly columns: number;
  readonly rows: number;
  /**
   * cells[rows * columns]: 7:0 character in code page 437, 11:8 its colour, 15:12 that of its ground,
   * or, where `blinks`, 14:12 with blinking in bit 15.
   */
  readonly cells: Uint16Array;
  readonly blinks: boolean;
  /** Cell of the cursor, undefined while it is off or not on the screen. */
  readonly cursor: number | undefined;
}

/** The screen now; undefined in graphics mode. */
export function readTextScreen(vga: Vga, memory: PhysicalMemory): TextScreen | undefined {
  const misc = vga.graphics(GRAPHICS_MISC);
  if (misc & MODE_GRAPHICS) return undefined;
  const columns = vga.crtc(CRTC_COLUMNS) + 1;
  const rows = Math.floor((lastLine(vga) + 1) / ((vga.crtc(CRTC_CHARACTER) & LINE_MASK) + 1));
  const stride = vga.crtc(CRTC_STRIDE) * 2;
  const start = word(vga, CRTC_START);
  const window = WINDOWS[(misc >> 2) & 3] ?? WINDOWS[3];
  const cells = new Uint16Array(columns * rows);
  for (let n = 0; n < cells.length; n++) {
    const character = start + Math.floor(n / columns) * stride + (n % columns);
    const at = window.base + ((character * 2) & (window.length - 1));
    const [code = 0, attribute = 0] = memory.read(at, 2);
    cells[n] = code | (attribute << 8);
  }
  const blinks = (vga.attribute(ATTRIBUTE_MODE) & MODE_BLINK) !== 0;
  return { columns, rows, cells, blinks, cursor: cursorCell(vga, start, stride, columns, rows) };
}

function word(vga: Vga, register: number): number {
  return (vga.crtc(register) << 8) | vga.crtc(register + 1);
}

function lastLine(vga: Vga): number {
  const overflow = vga.crtc(CRTC_OVERFLOW);
  return vga.crtc(CRTC_LAST_LINE) | ((overflow & 0x02) << 7) | ((overflow & 0x40) << 3);
}

function cursorCell(
  vga: Vga,
  start: number,
  stride: number,
  columns: number,
  rows: number,
): number | undefined {
  const first = vga.crtc(CRTC_CURSOR_START);
  const isOff = (first & CURSOR_OFF) !== 0;
  if (isOff || (first & LINE_MASK) > (vga.crtc(CRTC_CURSOR_END) & LINE_MASK)) return undefined;
  const character = word(vga, CRTC_CURSOR) - start;
  if (character < 0 || stride === 0) return undefined;
  const [row, column] = [Math.floor(character / stride), character % stride];
  return row < rows && column < columns ? row * columns + column : undefined;
}
