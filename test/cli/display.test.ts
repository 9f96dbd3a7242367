/** The text display and the keyboard on the terminal. */

import { describe, expect, test } from 'vitest';
import { AnsiScreen, plainScreen } from '../../src/cli/ansi-screen.ts';
import { KeyDecoder } from '../../src/cli/key-decoder.ts';
import type { TextScreen } from '../../src/pc/text-screen.ts';
import { folderWith, trapline } from './command-line.ts';

const SIZE = { columns: 80, rows: 25 };

/** A screen of 4 by 2 cells. */
function screen(text: string, attribute = 0x07, cursor?: number, blinks = true): TextScreen {
  const cells = Uint16Array.from(text.padEnd(8), (c) => c.charCodeAt(0) | (attribute << 8));
  return { columns: 4, rows: 2, cells, blinks, cursor };
}

describe('AnsiScreen', () => {
  test('draws everything once, then only what has changed', () => {
    const terminal = new AnsiScreen();
    expect(terminal.draw(screen('abcdefgh'), SIZE)).toBe(
      '\x1b[0m\x1b[2J\x1b[?25l\x1b[1;1H\x1b[0;37;40mabcd\x1b[2;1Hefgh',
    );
    expect(terminal.draw(screen('abcdefgh'), SIZE)).toBe('');
    expect(terminal.draw(screen('abXYefgh'), SIZE)).toBe('\x1b[?25l\x1b[1;3HXY');
    terminal.forget();
    expect(terminal.draw(screen('abXYefgh'), SIZE)).toContain('\x1b[2J');
  });

  test('draws characters of code page 437 in their colours', () => {
    const draw = (attribute: number, blinks?: boolean) =>
      new AnsiScreen().draw(screen('\xdb', attribute, undefined, blinks), SIZE);
    expect(draw(0x1e)).toContain('\x1b[0;93;44m█');
    expect(draw(0xc1)).toContain('\x1b[0;34;41;5m█');
    expect(draw(0xc1, false)).toContain('\x1b[0;34;101m█');
  });

  test('moves and hides the cursor', () => {
    const terminal = new AnsiScreen();
    expect(terminal.draw(screen('a', 7, 5), SIZE)).toContain('\x1b[2;2H\x1b[?25h');
    expect(terminal.draw(screen('a', 7, 6), SIZE)).toBe('\x1b[?25l\x1b[2;3H\x1b[?25h');
    expect(terminal.draw(screen('a', 7), SIZE)).toBe('\x1b[?25l');
  });

  test('clips to the terminal', () => {
    const text = new AnsiScreen().draw(screen('abcdefgh', 7, 7), { columns: 3, rows: 1 });
    expect(text).toBe('\x1b[0m\x1b[2J\x1b[?25l\x1b[1;1H\x1b[0;37;40mabc');
  });

  test('plain text ends where the characters end', () => {
    expect(plainScreen(screen('ab  c'))).toBe('ab\nc\n');
    expect(plainScreen(screen(''))).toBe('\n');
  });
});

describe('KeyDecoder', () => {
  const decode = (text: string) => new KeyDecoder().decode(Buffer.from(text, 'latin1'), true);

  test.each([
    ['a', { key: 'KeyA' }],
    ['A', { key: 'KeyA', shift: true }],
    ['\r', { key: 'Enter' }],
    ['\x7f', { key: 'Backspace' }],
    ['\x03', { key: 'KeyC', control: true }],
    ['\x1bx', { key: 'KeyX', alt: true }],
    ['\x1b', { key: 'Escape' }],
    ['\x1b[A', { key: 'ArrowUp' }],
    ['\x1bOB', { key: 'ArrowDown' }],
    ['\x1b[1;5C', { key: 'ArrowRight', control: true }],
    ['\x1b[1;2D', { key: 'ArrowLeft', shift: true }],
    ['\x1b[Z', { key: 'Tab', shift: true }],
    ['\x1b[3~', { key: 'Delete' }],
    ['\x1b[5;3~', { key: 'PageUp', alt: true }],
    ['\x1bOP', { key: 'F1' }],
    ['\x1b[15~', { key: 'F5' }],
    ['\x1b[24~', { key: 'F12' }],
    ['\x1b[[B', { key: 'F2' }],
    ['\x1b[H', { key: 'Home' }],
  ])('%j', (text, stroke) => {
    expect(decode(text)).toEqual([stroke]);
  });

  test('takes several keys at once, and skips what no key sends', () => {
    expect(decode('a\x1b[Ab\xe4\x1b[99~c').map(({ key }) => key)).toEqual([
      'KeyA',
      'ArrowUp',
      'KeyB',
      'KeyC',
    ]);
  });

  test('waits for the rest of a sequence', () => {
    const decoder = new KeyDecoder();
    const pieces = ['\x1b', '[', '1', ';', '5', 'A'].map((byte) =>
      decoder.decode(Buffer.from(byte), false),
    );
    expect(pieces.flat()).toEqual([{ key: 'ArrowUp', control: true }]);
    decoder.decode(Buffer.from('\x1b'), false);
    expect(decoder.decode(new Uint8Array(), true)).toEqual([{ key: 'Escape' }]);
  });
});

/** Writes to the screen what is typed, as set 1 codes less 1Eh + 'a'; ends with Escape. */
const GUEST = `
bits 64
org 0x100000
        mov edi, 0xb8000
        mov rax, 0x0f690f48
        mov [rdi], rax
        mov edi, 0xb8000 + 160
next:   in al, 0x64
        test al, 1
        jz next
        in al, 0x60
        cmp al, 0x01
        je out_
        add al, 'a' - 0x1e
        mov ah, 7
        test al, 0x80
        jnz next
        stosw
        jmp next
out_:   mov dx, 0x604
        mov ax, 0x2000
        out dx, ax
`;

describe('run --display text', () => {
  test('prints the last screen when stdout is no terminal; piped input is typed', () => {
    const folder = folderWith({ 'a.asm': GUEST });
    const finished = trapline(['run', 'a.asm', '--display', 'text'], 'asd\x1b', folder);
    expect(finished).toEqual({ status: 0, stdout: 'Hi\nabc\n', stderr: '' });
  });

  test('port 0xe9 goes to stderr then', () => {
    const folder = folderWith({
      'a.asm': "bits 64\norg 0x100000\nmov al, 'x'\nout 0xe9, al\nmov al, 0\nout 0xf4, al",
    });
    const finished = trapline(['run', 'a.asm', '--display', 'text'], '', folder);
    expect(finished).toEqual({ status: 1, stdout: '\n', stderr: 'x' });
  });

  test('needs the terminal for itself', () => {
    const args = ['run', 'guests/hello/main.asm', '--display', 'text', '--serial', 'stdio'];
    expect(trapline(args).status).toBe(2);
    expect(trapline(['run', 'guests/hello/main.asm', '--display', 'tex']).stderr).toContain(
      "--display: 'tex' is none of none, text",
    );
  });
});

describe('machine options', () => {
  /** Ends with the byte that register AL of the clock holds. */
  const readRtc = (register: number) =>
    folderWith({
      'a.asm': `bits 64\norg 0x100000\nmov al, ${register}\nout 0x70, al\nin al, 0x71\nout 0xf4, al`,
    });

  test('--rtc', () => {
    const folder = readRtc(9);
    const year = (...args: string[]) => trapline(['run', 'a.asm', ...args], '', folder).status;
    expect(year()).toBe((0x00 << 1) | 1);
    expect(year('--rtc', 'base=2006-06-17T16:01:21')).toBe((0x06 << 1) | 1);
    expect(year('--rtc', 'base=2024-02-29')).toBe((0x24 << 1) | 1);
    for (const bad of ['2024-01-01', 'base=2023-02-29', 'base=2024-13-01', 'base=utc']) {
      expect(year('--rtc', bad)).toBe(2);
    }
  });

  test('--fw-cfg', () => {
    const folder = folderWith({
      'a.asm': [
        'bits 64',
        'org 0x100000',
        'mov dx, 0x510',
        'mov ax, 0x22', // behind etc/e820 and etc/system-states
        'out dx, ax',
        'inc dx',
        'in al, dx',
        'out 0xf4, al',
      ].join('\n'),
      'value.txt': 'B',
    });
    const first = (option: string) =>
      trapline(['run', 'a.asm', '--fw-cfg', option], '', folder).status;
    expect(first('name=opt/x,string=A,b')).toBe((0x41 << 1) | 1);
    expect(first('opt/x,file=value.txt')).toBe((0x42 << 1) | 1);
    expect(first('name=opt/x')).toBe(2);
    expect(first('name=opt/x,file=missing')).toBe(2);
    expect(first(`name=${'x'.repeat(56)},string=A`)).toBe(2);
  });
});
