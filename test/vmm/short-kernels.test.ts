/** Kernels of a few instructions that once did something else in a VM than on the bare machine. */

import { describe, expect, it } from 'vitest';
import { assemble } from '../../src/assembler/assemble.ts';
import { type Kernel, makeKernel } from '../fuzz/kernel.ts';
import { bareMachine, difference, run, virtualMachine } from '../fuzz/kernel-run.ts';
import { CODE, DATA } from '../fuzz/machine.ts';

interface Case {
  readonly name: string;
  readonly source: string;
  readonly length: number;
  readonly kernel?: Partial<Kernel>;
}

const CASES: readonly Case[] = [
  {
    name: 'user code loads a selector of the host: #GP, as there is no such descriptor',
    source: 'mov eax, 0xffe3\n mov fs, ax\n mov gs, ax\n',
    length: 30,
    kernel: { cpl: 3 },
  },
  {
    name: 'user code loads a descriptor: the page of its table is accessed',
    source: 'mov eax, 0x27\n mov fs, ax\n mov eax, 0x23\n mov gs, ax\n',
    length: 4,
    kernel: { cpl: 3, hasLdt: true },
  },
  {
    name: '32-bit code whose segment has a limit is no 64-bit code',
    source: 'jmp 0xb8:next\nnext: a16 mov ecx, [0x7004]\n a16 add [0x9000], ecx\n nop\n',
    length: 4,
    kernel: { mode: 32 },
  },
  {
    name: 'an entry behind the others is written, used, and gone with another limit',
    source: `sub rsp, 16\n sgdt [rsp]\n mov rbx, [rsp + 2]\n movzx ecx, word [rsp]\n mov word [rsp], 0xfff
      lgdt [rsp]\n mov rax, 0x00cf93000000ffff\n mov [rbx + 0xf00], rax\n mov eax, 0xf00\n mov gs, ax
      lsl edx, ax\n mov [rsp], cx\n lgdt [rsp]\n lsl esi, ax\n setz dl\n mov gs, ax\n nop\n`,
    length: 16,
  },
  {
    name: 'FS is loaded with 0 once more in compatibility mode: its base goes',
    source: `mov eax, 0x12345\n wrfsbase rax\n push 0x1b\n push compatible\n retfq
      bits 32\ncompatible: xor eax, eax\n mov fs, ax\n nop\n`,
    length: 8,
    kernel: { cpl: 3, cr4: 0x100a0n },
  },
  {
    name: 'a string instruction repeats more often than is emulated at a time',
    source: 'mov dx, 0x80\n mov esi, 0x9000\n mov ecx, 100\n rep outsb\n mov eax, ecx\n',
    length: 104,
  },
];

/** A kernel of `source` at CODE, with nothing else that happens. */
function kernelOf({ source, length, kernel }: Case): Kernel {
  const mode = kernel?.mode ?? 64;
  const { bytes } = assemble(`bits ${mode}\norg ${CODE}\n${source}`, { file: 'kernel.asm' });
  const regs = Array.from({ length: 16 }, (_, n) => BigInt(n === 4 ? DATA + 0x800 : 0));
  return {
    ...makeKernel(1),
    ...{ mode, cpl: 0, code: bytes, start: 0, regs, rflags: 0x202n, rip: CODE },
    ...{ cr4: 0xa0n, hasLdt: false, isPlainIdt: false, resumesDebug: false, dr7: 0x400 },
    ...{ period: 0, nmis: 0, length },
    ...kernel,
  };
}

describe.each(['patch', 'interpret'] as const)('under %s', (cpu) => {
  const bare = bareMachine();
  const vm = virtualMachine(cpu);

  it.each(CASES)('$name', (about) => {
    const kernel = kernelOf(about);
    for (const slice of [1, 3, 1000]) {
      run(bare, kernel, { end: kernel.length, slice: () => 1 });
      run(vm, kernel, { end: kernel.length, slice: () => slice });
      expect(difference(bare, vm)).toBeUndefined();
    }
  });
});
