import { expect, test } from 'vitest';
import { loadProcessorModule } from '../../src/node/wasm.ts';
import { CP437 } from '../../src/pc/cp437.ts';
import { Pc } from '../../src/pc/pc.ts';

const module = loadProcessorModule();
const CRTC = 0x3d4;

function pc(): Pc {
  return new Pc(module, { ramBytes: 2 ** 20 });
}

function write({ machine }: Pc, at: number, text: string, attribute = 7): void {
  machine.memory.write(
    at,
    Uint8Array.from([...text].flatMap((character) => [character.charCodeAt(0), attribute])),
  );
}

function setCrtc({ machine }: Pc, register: number, value: number): void {
  machine.bus.writePort(CRTC, 2, register | (value << 8));
}

/** Characters of the screen. */
function shown(machine: Pc, row: number, length: number): string {
  const screen = machine.textScreen;
  if (screen === undefined) throw new Error('no text');
  const start = row * screen.columns;
  return String.fromCharCode(
    ...screen.cells.slice(start, start + length).map((cell) => cell & 0xff),
  );
}

test('80 by 25 characters at b8000h, the cursor in the corner', () => {
  const machine = pc();
  write(machine, 0xb8000, 'top');
  write(machine, 0xb8000 + 24 * 160, 'bottom', 0x1f);
  expect([shown(machine, 0, 3), shown(machine, 24, 6)]).toEqual(['top', 'bottom']);
  const { columns, rows, cursor, blinks, cells } = machine.textScreen ?? {};
  expect([columns, rows, cursor, blinks]).toEqual([80, 25, 0, true]);
  expect(cells?.[80]).toBe(0x0720);
  expect(cells?.[24 * 80]).toBe(0x1f62);
});

test('the start address scrolls, and wraps at the end of memory', () => {
  const machine = pc();
  write(machine, 0xb8000 + 160, 'second');
  setCrtc(machine, 0x0d, 80);
  expect(shown(machine, 0, 6)).toBe('second');
  write(machine, 0xb8000, 'start');
  setCrtc(machine, 0x0c, 0x3f);
  setCrtc(machine, 0x0d, 0xb0); // 80 characters before the end
  expect(shown(machine, 1, 5)).toBe('start');
});

test('the cursor follows its address, and hides', () => {
  const machine = pc();
  setCrtc(machine, 0x0e, (3 * 80 + 5) >> 8);
  setCrtc(machine, 0x0f, (3 * 80 + 5) & 0xff);
  expect(machine.textScreen?.cursor).toBe(245);
  setCrtc(machine, 0x0a, 0x20);
  expect(machine.textScreen?.cursor).toBeUndefined();
  setCrtc(machine, 0x0a, 0x0f);
  setCrtc(machine, 0x0b, 0x0e);
  expect(machine.textScreen?.cursor).toBeUndefined();
  setCrtc(machine, 0x0b, 0x0f);
  setCrtc(machine, 0x0e, 0xff);
  expect(machine.textScreen?.cursor).toBeUndefined();
});

test('50 rows with characters of 8 lines; no text in graphics mode', () => {
  const machine = pc();
  setCrtc(machine, 0x09, 0x47);
  expect(machine.textScreen?.rows).toBe(50);
  machine.machine.bus.writePort(0x3ce, 2, 0x0506);
  expect(machine.textScreen).toBeUndefined();
});

test('bright grounds in place of blinking', () => {
  const machine = pc();
  const { bus } = machine.machine;
  bus.readPort(0x3da, 1);
  bus.writePort(0x3c0, 1, 0x30);
  bus.writePort(0x3c0, 1, 0x04);
  expect(machine.textScreen?.blinks).toBe(false);
});

test('code page 437', () => {
  expect([CP437.length, CP437[0x41], CP437[0xdb], CP437[0xe1], CP437[1]]).toEqual([
    256,
    'A',
    '█',
    'ß',
    '☺',
  ]);
  expect(CP437.every((character) => character.length === 1)).toBe(true);
});
