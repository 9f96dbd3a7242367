/** How runs end, and that they are the same every time. */

import { describe, expect, test } from 'vitest';
import { boot, finish } from './rig.ts';

const RAM = { ramBytes: 2 ** 22 };

describe('the end of a run', () => {
  test('the debug-exit port gives (v << 1 | 1) & 0xff', () => {
    for (const [value, status] of [
      [0, 1],
      [0x10, 33],
      [0xff, 255],
    ] as const) {
      const guest = boot(`mov al, ${value}\nout 0xf4, al\nhlt`, RAM);
      expect(guest.pc.machine.run()).toEqual({ kind: 'exit', status });
    }
  });

  test('nothing runs behind the instruction that ends it', () => {
    const guest = boot('mov al, 0\nout 0xf4, al\nl: inc rbx\njmp l', RAM);
    guest.pc.machine.run();
    expect(guest.pc.machine.processor.view.gpr[3]).toBe(0n);
    expect(guest.pc.machine.instructions).toBe(2n);
  });

  test.each([
    ['port 0x92', 'in al, 0x92\nor al, 1\nout 0x92, al'],
    ['port 0xcf9', 'mov dx, 0xcf9\nmov al, 2\nout dx, al\nmov al, 6\nout dx, al'],
    ['the keyboard controller', 'mov al, 0xfe\nout 0x64, al'],
  ])('a reset through %s ends it', (by, source) => {
    expect(boot(`${source}\nhlt`, RAM).pc.machine.run()).toEqual({ kind: 'reset', by });
  });

  test('hlt with interrupts off has no wake-up', () => {
    expect(boot('cli\nhlt', RAM).pc.machine.run().kind).toBe('halted');
  });

  test('hlt with no event to come has no wake-up', () => {
    expect(boot('sti\nhlt', RAM).pc.machine.run().kind).toBe('halted');
  });

  test('the instruction limit is exact', () => {
    const guest = boot('l: inc rax\njmp l', { ...RAM, maxInstructions: 1001 });
    expect(guest.pc.machine.run()).toEqual({ kind: 'limit' });
    expect(guest.pc.machine.instructions).toBe(1001n);
    expect(guest.pc.machine.processor.view.gpr[0]).toBe(501n);
  });

  test('the limit also ends a sleep that no event ends', () => {
    const timer = 'mov al, 0x34\nout 0x43, al\nxor al, al\nout 0x40, al\nout 0x40, al';
    const guest = boot(`${timer}\nsti\nl: hlt\njmp l`, { ...RAM, maxInstructions: 500 });
    expect(guest.pc.machine.run()).toEqual({ kind: 'limit' });
  });

  test('a triple fault ends it with the chain', () => {
    const end = boot('ud2', RAM).pc.machine.run();
    expect(end.kind).toBe('shutdown');
    const faults = end.kind === 'shutdown' ? end.faults : [];
    expect(faults.map(({ vector, errorCode }) => [vector, errorCode])).toEqual([
      [6, undefined],
      [13, 6 * 8 + 3],
      [13, 13 * 8 + 3],
      [13, 8 * 8 + 3],
    ]);
    expect(faults.map(({ doubled }) => doubled)).toEqual([false, false, true, false]);
    expect(faults[0]?.rip).toBe(0x100000n);
    expect(faults[3]?.why.name).toBe('IdtLimit');
  });
});

/** Sleeps through five PIT interrupts and notes the TSC at each. */
const TICKS = `
        mov rsp, 0x200000
        mov eax, tick
        mov [idt + 0x20 * 16], ax
        mov word [idt + 0x20 * 16 + 2], 8
        mov word [idt + 0x20 * 16 + 4], 0x8e00
        shr eax, 16
        mov [idt + 0x20 * 16 + 6], ax
        lidt [pointer]
        mov al, 0x11
        out 0x20, al
        mov al, 0x20
        out 0x21, al
        mov al, 4
        out 0x21, al
        mov al, 1
        out 0x21, al
        mov al, 0xfe
        out 0x21, al
        mov al, 0x34
        out 0x43, al
        mov al, 0xa9
        out 0x40, al
        mov al, 4
        out 0x40, al
        xor ebx, ebx
        sti
wait_:  hlt
        cmp ebx, 5
        jb wait_
        mov al, 0
        out 0xf4, al
tick:   rdtsc
        shl rdx, 32
        or rax, rdx
        mov [0x180000 + rbx * 8], rax
        inc ebx
        mov al, 0x20
        out 0x20, al
        iretq
        times 0x800 - ($ - $$) db 0
idt:    times 0x300 db 0
pointer: dw 0x2ff
        dq idt
`;

describe('virtual time', () => {
  test('hlt sleeps to the next tick, and the timer keeps its rate', () => {
    const guest = boot(TICKS, RAM);
    expect(guest.pc.machine.run()).toEqual({ kind: 'exit', status: 1 });
    const { memory } = guest.pc.machine;
    const times = [0, 1, 2, 3, 4].map((n) => Number(memory.readU64(0x180000 + n * 8)));
    const period = (0x4a9 / 1_193_182) * 1e9;
    times.slice(1).forEach((time, n) => {
      expect(Math.abs(time - (times[n] ?? 0) - period)).toBeLessThan(1000);
    });
    expect(guest.pc.machine.clock.now()).toBeGreaterThan(BigInt(Math.floor(period * 5)));
    expect(guest.pc.machine.instructions).toBeLessThan(200n);
  });

  test('two runs are the same to the instruction', () => {
    const runs = [boot(TICKS, RAM), boot(TICKS, RAM)].map(({ pc }) => {
      while (pc.machine.step() === undefined);
      const { machine } = pc;
      return [machine.clock.now(), machine.instructions, machine.memory.read(0x180000, 40)];
    });
    expect(runs[0]).toEqual(runs[1]);
  });
});

/** Echoes COM1 by polling until a full stop comes. */
const POLL = `
next:   mov dx, 0x3fd
again:  in al, dx
        test al, 1
        jz again
        mov dx, 0x3f8
        in al, dx
        out dx, al
        cmp al, '.'
        jne next
        mov al, 0
        out 0xf4, al
`;

const bytes = (text: string): number[] => [...new TextEncoder().encode(text)];

describe('input that is asked for', () => {
  test('reaches a guest that polls, whole and in order', () => {
    const text = `${'0123456789'.repeat(20)}.`;
    const guest = boot(POLL, RAM);
    guest.pc.com1.openInput();
    expect(finish(guest, bytes(text))).toEqual({ kind: 'exit', status: 1 });
    expect(guest.sent).toEqual(bytes(text));
  });

  test('costs a guest that polls a few instructions a byte', () => {
    const guest = boot(POLL, { ...RAM, maxInstructions: 400_000 });
    guest.pc.com1.openInput();
    expect(finish(guest, bytes(`${'x'.repeat(20_000)}.`))).toEqual({ kind: 'exit', status: 1 });
  });

  test('is not asked for by a guest that does not listen', () => {
    const guest = boot('mov dx, 0x3fd\nin al, dx\nmov al, 1\nout 0xf4, al', RAM);
    guest.pc.com1.openInput();
    expect(guest.pc.machine.run()).toEqual({ kind: 'exit', status: 3 });
  });

  test('wakes up a guest that sleeps for its interrupt', () => {
    const guest = boot('mov dx, 0x3f9\nmov al, 1\nout dx, al\nsti\nhlt', RAM);
    guest.pc.com1.openInput();
    expect(guest.pc.machine.run()).toEqual({ kind: 'input' });
    guest.pc.com1.supply(undefined);
    expect(guest.pc.machine.run()).toEqual({ kind: 'halted' });
  });
});
