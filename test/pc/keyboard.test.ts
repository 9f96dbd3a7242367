/** Typing on the keyboard: keys at the guest's pace, and input that is asked for. */

import { describe, expect, test } from 'vitest';
import { KEYS, type Key } from '../../src/devices/keys.ts';
import type { RunEnd } from '../../src/machine/machine.ts';
import { type KeyStroke, strokeOf } from '../../src/pc/us-layout.ts';
import { type Booted, boot } from './rig.ts';

const RAM = { ramBytes: 2 ** 22 };

/** Polls for set 1 codes and sends them to COM1 until a released Escape comes. */
const POLL = `
        mov dx, 0x3f8
next:   in al, 0x64
        test al, 1
        jz next
        in al, 0x60
        out dx, al
        cmp al, 0x81
        jne next
        mov al, 0
        out 0xf4, al
`;

/** The same with interrupts of line 1 through the 8259, asleep in between. */
const SLEEP = `
        mov rsp, 0x200000
        mov eax, key
        mov [0x180000 + 0x21 * 16], ax
        mov word [0x180000 + 0x21 * 16 + 2], 8
        mov word [0x180000 + 0x21 * 16 + 4], 0x8e00
        shr eax, 16
        mov [0x180000 + 0x21 * 16 + 6], ax
        mov word [0x17fff0], 0xfff
        mov qword [0x17fff2], 0x180000
        lidt [0x17fff0]
        mov al, 0x11
        out 0x20, al
        mov al, 0x20
        out 0x21, al
        mov al, 4
        out 0x21, al
        mov al, 1
        out 0x21, al
        mov al, 0xfd
        out 0x21, al
        mov dx, 0x3f8
        sti
wait_:  hlt
        jmp wait_
key:    in al, 0x60
        out dx, al
        cmp al, 0x81
        jne done
        mov al, 0
        out 0xf4, al
done:   mov al, 0x20
        out 0x20, al
        iretq
`;

const strokes = (text: string): KeyStroke[] =>
  [...text].map((character) => strokeOf(character) ?? { key: 'Space' });

/** Set 1 codes of a character without modifiers. */
const codes = (...keys: Key[]): number[] =>
  keys.flatMap((key) => {
    const [code = 0] = { KeyA: [0x1e], KeyB: [0x30], Escape: [0x01], ShiftLeft: [0x2a] }[
      key as 'KeyA'
    ] ?? [0];
    return [code, code | 0x80];
  });

/** Runs with an input that is supplied when it is asked for. */
function finish(guest: Booted, input: readonly KeyStroke[]): RunEnd {
  const rest = [...input];
  guest.pc.keyboard.openInput();
  for (;;) {
    const end = guest.pc.machine.run();
    if (end.kind !== 'input') return end;
    const next = rest.shift();
    guest.pc.keyboard.supply(next && [next]);
  }
}

describe('live typing', () => {
  test('comes at the pace of the guest, whole', () => {
    const guest = boot(POLL, RAM);
    for (const stroke of strokes(`${'ab'.repeat(50)}\x1b`)) guest.pc.keyboard.type(stroke);
    expect(guest.pc.machine.run()).toEqual({ kind: 'exit', status: 1 });
    const ab = codes('KeyA', 'KeyB');
    expect(guest.sent).toEqual([...new Array(50).fill(ab).flat(), ...codes('Escape')]);
  });

  test('holds the modifiers around the key', () => {
    const guest = boot(POLL, RAM);
    guest.pc.keyboard.type({ key: 'KeyA', shift: true, control: true, alt: true });
    guest.pc.keyboard.type({ key: 'Escape' });
    guest.pc.machine.run();
    expect(guest.sent).toEqual([0x1d, 0x38, 0x2a, 0x1e, 0x9e, 0xaa, 0xb8, 0x9d, 0x01, 0x81]);
  });
});

describe('input that is asked for', () => {
  test('reaches a guest that polls', () => {
    const guest = boot(POLL, RAM);
    expect(finish(guest, strokes('ab\x1b'))).toEqual({ kind: 'exit', status: 1 });
    expect(guest.sent).toEqual(codes('KeyA', 'KeyB', 'Escape'));
  });

  test('wakes up a guest that sleeps', () => {
    const guest = boot(SLEEP, RAM);
    expect(finish(guest, strokes('ab\x1b'))).toEqual({ kind: 'exit', status: 1 });
    expect(guest.sent).toEqual(codes('KeyA', 'KeyB', 'Escape'));
  });

  test('is not asked for by a guest that does not listen', () => {
    const guest = boot('mov ecx, 10000000\nl: loop l\nin al, 0x64\nmov al, 1\nout 0xf4, al', RAM);
    expect(finish(guest, strokes('ab'))).toEqual({ kind: 'exit', status: 3 });
  });

  test('its end leaves a sleeping guest without a wake-up', () => {
    expect(finish(boot(SLEEP, RAM), strokes('ab')).kind).toBe('halted');
    expect(finish(boot('sti\nhlt', RAM), strokes('ab')).kind).toBe('halted');
  });

  test('comes at the same instruction in every run', () => {
    const runs = [boot(SLEEP, RAM), boot(SLEEP, RAM)].map((guest) => {
      finish(guest, strokes('ab\x1b'));
      return guest.pc.machine.clock.now();
    });
    expect(runs[0]).toBe(runs[1]);
  });
});

test('the layout types all of ASCII, each with other keys', () => {
  const typed = Array.from({ length: 128 }, (_, code) => strokeOf(String.fromCharCode(code)));
  expect(typed.every((stroke) => stroke !== undefined && stroke.key in KEYS)).toBe(true);
  const printable = typed.slice(0x20, 0x7f).map((stroke) => JSON.stringify(stroke));
  expect(new Set(printable).size).toBe(95);
});
