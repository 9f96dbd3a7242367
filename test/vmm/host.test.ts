/** VMs on one machine: whoever looks at a VM sees its own registers, and only between runs. */

import { describe, expect, test } from 'vitest';
import { assemble } from '../../src/assembler/assemble.ts';
import { flatImage } from '../../src/image/flat.ts';
import { loadImage } from '../../src/image/load.ts';
import type { Machine } from '../../src/machine/machine.ts';
import { Board } from '../../src/pc/board.ts';
import { FULL_TECHNIQUES } from '../../src/vmm/monitor.ts';
import { Pcids } from '../../src/vmm/pcids.ts';
import type { ShadowRoot } from '../../src/vmm/shadow/shadow.ts';
import { createVirtualMachines } from '../../src/vmm/virtual-machine.ts';
import { module } from './lockstep.ts';

const RAM = 2 * 2 ** 20;

function load(machine: Machine, source: string, com1: (byte: number) => void = () => {}): Board {
  const board = new Board(machine, { com1, console: com1 });
  const code = `bits 64\norg 0x100000\n${source}`;
  loadImage(machine, flatImage(assemble(code, { file: 'test.asm' }).bytes));
  return board;
}

function two(): [Machine, Machine] {
  const vm = { cpu: 'trap', ramBytes: RAM } as const;
  const [a, b] = createVirtualMachines(module, [vm, { ...vm, features: new Set(['smep']) }]);
  return [a?.machine as Machine, b?.machine as Machine];
}

test('registers, time, flags and features are those of the VM that is asked', () => {
  const [a, b] = two();
  load(a, 'mov ebx, 1\nstc\nhlt\n');
  load(b, 'nop\nmov ebx, 2\nclc\nnop\nhlt\n');
  expect([a.run().kind, b.run().kind]).toEqual(['halted', 'halted']);
  for (const [machine, value] of [
    [a, 1],
    [b, 2],
    [a, 1],
  ] as const) {
    const { processor } = machine;
    expect(processor.view.gpr[3]).toBe(BigInt(value));
    expect(processor.rflags & 1n).toBe(value === 1 ? 1n : 0n);
    expect(machine.instructions).toBe(value === 1 ? 3n : 5n);
  }
  expect(a.processor.view.u64('FEATURES')).not.toBe(b.processor.view.u64('FEATURES'));
});

test('a VM is not to be touched while another one runs', () => {
  const [a, b] = two();
  load(b, 'hlt\n');
  load(a, 'mov al, 65\nout 0xe9, al\nhlt\n', () => b.instructions);
  expect(() => a.run()).toThrow('a VM is touched while another one runs');
});

test('a VM that failed leaves the others usable', () => {
  const [a, b] = two();
  load(b, 'mov ebx, 5\nhlt\n');
  load(a, 'mov al, 65\nout 0xe9, al\nhlt\n', () => {
    throw new Error('a sink fails');
  });
  expect(() => a.run()).toThrow('a sink fails');
  expect(b.run().kind).toBe('halted');
  expect(b.processor.view.gpr[3]).toBe(5n);
});

/** The kernel uses a page that its program may not: the program's read of it faults. */
const TWO_VIEWS = `PML4    equ 0x180000
IDT     equ 0x160000
TSS     equ 0x150000
STACK   equ 0x170000
USER    equ 0x200000
SECRET  equ 0x300000
        mov esp, STACK
        mov edi, IDT
        mov ecx, 256
.gate:  mov eax, on_fault
        mov [rdi], ax
        mov dword [rdi + 2], 8
        mov word [rdi + 4], 0xee00
        shr eax, 16
        mov [rdi + 6], ax
        add edi, 16
        loop .gate
        mov eax, on_call
        mov [IDT + 0x80 * 16], ax
        lidt [idtr]
        mov qword [TSS + 4], STACK - 256
        lgdt [gdtr]
        mov ax, 0x28
        ltr ax
        mov qword [PML4], PML4 + 0x1007
        mov qword [PML4 + 0x1000], PML4 + 0x2007
        mov qword [PML4 + 0x2000], 0x83                 ; the kernel's
        mov qword [PML4 + 0x2008], PML4 + 0x3007
        mov qword [PML4 + 0x3000], program + 7          ; at USER
        mov qword [PML4 + 0x3000 + 0x100 * 8], SECRET + 3
        mov eax, PML4
        mov cr3, rax
        mov dword [SECRET], 0x12345678
        push 0x23
        push STACK
        push 2
        push 0x1b
        push USER
        iretq
on_call:
        mov ebx, [SECRET]
        iretq
on_fault:
        mov al, 0
        out 0xf4, al
        align 8
gdtr:   dw 0x37
        dq gdt
gdt:    dq 0, 0x00af9b000000ffff, 0x00cf93000000ffff, 0x00affb000000ffff, 0x00cff3000000ffff
        dq 0x0000890000000067 | (TSS & 0xffff) << 16 | (TSS >> 16) << 32, 0
idtr:   dw 0xfff
        dq IDT
        align 4096
program:
        int 0x80
        mov eax, [SECRET]
        mov ebx, 0xbad
        jmp $
`;

test.each(FULL_TECHNIQUES)(
  "what the kernel has translated is not the program's, under %s",
  (cpu) => {
    const [vm] = createVirtualMachines(module, [{ cpu, maxInstructions: 10_000 }]);
    const machine = vm?.machine as Machine;
    load(machine, TWO_VIEWS);
    expect(machine.run()).toEqual({ kind: 'exit', status: 1 });
    expect(machine.processor.view.gpr[3]).toBe(0x12345678n);
  },
);

describe('PCIDs', () => {
  const root = (): ShadowRoot => ({}) as ShadowRoot;

  test('each root has its own, for good', () => {
    const pcids = new Pcids();
    const roots = Array.from({ length: 4095 }, root);
    const given = roots.map((one) => pcids.of(one));
    expect(new Set(given).size).toBe(4095);
    expect(Math.min(...given)).toBe(1);
    expect(Math.max(...given)).toBe(4095);
    expect(roots.map((one) => pcids.of(one))).toEqual(given);
    expect(pcids.takeStale()).toBe(false);
  });

  test('when they are used up, all are void', () => {
    const pcids = new Pcids();
    const first = root();
    pcids.of(first);
    const { generation } = pcids;
    for (let n = 0; n < 4095; n++) pcids.of(root());
    expect(pcids.generation).not.toBe(generation);
    expect([pcids.takeStale(), pcids.takeStale()]).toEqual([true, false]);
    expect(pcids.of(first)).toBe(2);
  });
});
