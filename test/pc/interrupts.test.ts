/** Interrupts from the devices to the processor, and the ends of a run that come of them. */

import { describe, expect, test } from 'vitest';
import { type Booted, boot } from './rig.ts';

const RAM = { ramBytes: 2 ** 22 };

/** A guest with handlers at `isr_20`, `isr_40` and for NMI at `isr_2`, and both APICs in EBX and ESI. */
const PROLOGUE = `
        mov rsp, 0x200000
        mov ebx, 0xfee00000
        mov esi, 0xfec00000
        %macro gate 2
        mov eax, %2
        mov [0x180000 + %1 * 16], ax
        mov word [0x180000 + %1 * 16 + 2], 8
        mov word [0x180000 + %1 * 16 + 4], 0x8e00
        shr eax, 16
        mov [0x180000 + %1 * 16 + 6], ax
        %endmacro
        gate 2, isr_2
        gate 0x20, isr_20
        gate 0x40, isr_40
        mov word [0x17fff0], 0xfff
        mov qword [0x17fff2], 0x180000
        lidt [0x17fff0]
`;
const EPILOGUE = `
leave:  mov al, 0
        out 0xf4, al
        hlt
isr_2:  inc byte [0x190002]
        iretq
isr_20: inc byte [0x190020]
        mov al, 0x20
        out 0x20, al
        iretq
isr_40: inc byte [0x190040]
        mov dword [rbx + 0xb0], 0
        iretq
`;
/** The pair at 20H and 28H, the timer unmasked. */
const PIC = `
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
`;
/** The timer interrupts once, 100 ticks from now. */
const PIT = `
        mov al, 0x30
        out 0x43, al
        mov al, 100
        out 0x40, al
        mov al, 0
        out 0x40, al
`;

/** Boots with the gigabyte below 4 GiB mapped too. */
function bootWithApics(body: string): Booted {
  const guest = boot(`${PROLOGUE}${body}${EPILOGUE}`, RAM);
  guest.pc.machine.memory.writeU64(0x2018, 0xc0000083n);
  return guest;
}

/** How often each vector came. */
function counts({ pc }: Booted): number[] {
  return [0x190002, 0x190020, 0x190040].map((at) => pc.machine.processor.memory.bytes[at] ?? 0);
}

const EXIT = { kind: 'exit', status: 1 } as const;

describe('at power-on', () => {
  test('the 8259 reaches a guest that never looks at the APIC', () => {
    const guest = bootWithApics(`${PIC}${PIT}sti\nhlt`);
    expect(guest.pc.machine.run()).toEqual(EXIT);
    expect(counts(guest)).toEqual([0, 1, 0]);
  });

  test('also when the APIC is off, but not when LINT0 is masked', () => {
    const off = 'mov ecx, 0x1b\nmov eax, 0xfee00100\nxor edx, edx\nwrmsr\n';
    const guest = bootWithApics(`${off}${PIC}${PIT}sti\nhlt`);
    expect(guest.pc.machine.run()).toEqual(EXIT);
    expect(counts(guest)).toEqual([0, 1, 0]);
    const masked = bootWithApics(`mov dword [rbx + 0x350], 0x10700\n${PIC}${PIT}sti\nhlt`);
    expect(masked.pc.machine.run().kind).toBe('halted');
  });
});

describe('sleep', () => {
  const timer = 'mov dword [rbx + 0x3e0], 0xb\nmov dword [rbx + 0x320], 0x40\n';

  test('ends with the APIC timer, to the nanosecond', () => {
    const guest = bootWithApics(`${timer}mov dword [rbx + 0x380], 1000000\nsti\nhlt`);
    expect(guest.pc.machine.run()).toEqual(EXIT);
    expect(counts(guest)).toEqual([0, 0, 1]);
    const { clock, instructions } = guest.pc.machine;
    expect(clock.now() - 1_000_000n).toBeLessThan(instructions);
  });

  test('a masked timer is nothing to wait for', () => {
    const masked = 'mov dword [rbx + 0x320], 0x10040\nmov dword [rbx + 0x380], 1000000\n';
    expect(bootWithApics(`${masked}sti\nhlt`).pc.machine.run().kind).toBe('halted');
  });

  test('nor is a deadline beyond the end of time', () => {
    const deadline = `mov dword [rbx + 0x320], 0x40040\nmov ecx, 0x6e0\nmov eax, -1\nmov edx, -1\nwrmsr\n`;
    expect(bootWithApics(`${deadline}sti\nhlt`).pc.machine.run().kind).toBe('halted');
  });

  test('an NMI ends it with interrupts off', () => {
    const nmi = 'mov dword [rsi], 0x14\nmov dword [rsi + 0x10], 0x400\n';
    const guest = bootWithApics(`${nmi}${PIT}cli\nhlt`);
    expect(guest.pc.machine.run()).toEqual(EXIT);
    expect(counts(guest)).toEqual([1, 0, 0]);
  });
});

describe('I/O APIC', () => {
  test('the timer is pin 2', () => {
    const redirect = 'mov dword [rsi], 0x14\nmov dword [rsi + 0x10], 0x40\n';
    const guest = bootWithApics(`${redirect}${PIT}sti\nhlt`);
    expect(guest.pc.machine.run()).toEqual(EXIT);
    expect(counts(guest)).toEqual([0, 0, 1]);
  });

  test('pin 0 in ExtINT mode passes the 8259', () => {
    const redirect =
      'mov dword [rbx + 0x350], 0x10000\nmov dword [rsi], 0x10\nmov dword [rsi + 0x10], 0x700\n';
    const guest = bootWithApics(`${redirect}${PIC}${PIT}sti\nhlt`);
    expect(guest.pc.machine.run()).toEqual(EXIT);
    expect(counts(guest)).toEqual([0, 1, 0]);
  });
});

describe('ends', () => {
  test('S5 switches the power off', () => {
    const guest = boot('mov dx, 0x604\nmov ax, 0x2000\nout dx, ax\nhlt', RAM);
    expect(guest.pc.machine.run()).toEqual({ kind: 'off', by: 'ACPI' });
  });

  test('an INIT to self is a reset', () => {
    const guest = bootWithApics('mov dword [rbx + 0x300], 0x4500\nhlt');
    expect(guest.pc.machine.run()).toEqual({ kind: 'reset', by: 'an INIT interrupt' });
  });
});

test('two runs with timers are the same to the instruction', () => {
  const body = `
        mov dword [rbx + 0x3e0], 0xb
        mov dword [rbx + 0x320], 0x20040
        mov dword [rbx + 0x380], 997
        sti
        mov ecx, 100000
turn:   add rdx, rcx
        loop turn
        cli
`;
  const runs = [bootWithApics(body), bootWithApics(body)].map((guest) => {
    while (guest.pc.machine.step() === undefined);
    return [guest.pc.machine.instructions, guest.pc.machine.memory.read(0x190040, 8)];
  });
  expect(runs[0]).toEqual(runs[1]);
});
