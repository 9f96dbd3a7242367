/** Triple faults and their explanations: what was read, where it came from, what was wrong with it. */

import { describe, expect, test } from 'vitest';
import { explainEnd } from '../../src/explain/run-end.ts';
import { boot } from '../pc/rig.ts';

/** Runs `source` to its triple fault; the lines about the `n`-th event of the chain, from 1, without indent. */
function explain(source: string, n: number): string[] {
  const guest = boot(source, { ramBytes: 2 ** 22 });
  const end = guest.pc.machine.run();
  expect(end.kind).toBe('shutdown');
  const lines = explainEnd(guest.pc.machine, end, guest.symbols);
  const first = lines.findIndex((line) => line.startsWith(`  ${n}. `));
  const count = lines.slice(first + 1).findIndex((line) => !line.startsWith('     '));
  return lines.slice(first, first + 1 + count).map((line) => line.trim());
}

const BAD = '0x800000000000';
const NOT_CANONICAL = 'the new RIP is not canonical';

describe('a branch to an address that is not canonical shows it, and where it was read', () => {
  test.each([
    ['jmp rax', `mov rax, ${BAD}\njmp rax`, ''],
    ['call rax', `mov rax, ${BAD}\ncall rax`, ''],
    ['jmp [mem]', `jmp [slot]\nslot: dq ${BAD}`, ', read at 0x100007 (slot)'],
    ['call [mem]', `call [rel slot]\nslot: dq ${BAD}`, ', read at 0x100006 (slot)'],
    ['ret', `mov rax, ${BAD}\npush rax\nret`, ', read at 0x7fff8'],
    ['jmp far', `o64 jmp far [slot]\nslot: dq ${BAD}, 8`, ', read at 0x100008 (slot)'],
    ['call far', `o64 call far [slot]\nslot: dq ${BAD}, 8`, ', read at 0x100008 (slot)'],
    ['retfq', `push 8\nmov rax, ${BAD}\npush rax\nretfq`, ', read at 0x7fff0'],
    [
      'iretq',
      `push 0x10\npush 0\npush 2\npush 8\nmov rax, ${BAD}\npush rax\niretq`,
      ', read at 0x7ffd8',
    ],
  ])('%s', (_, source, from) => {
    expect(explain(source, 1).slice(2)).toEqual([`new RIP 0000800000000000${from}`, NOT_CANONICAL]);
  });

  test('jumps by a displacement', () => {
    // The last page of the lower half is mapped, and a jump at its end leads past it.
    const source = `
      mov qword [0x1000 + 255 * 8], 0x200003
      mov qword [0x200000 + 511 * 8], 0x201003
      mov qword [0x201000 + 511 * 8], 0x202003
      mov qword [0x202000 + 511 * 8], 0x203003
      mov word [0x203ffe - 5], 0x00e9
      mov dword [0x203ffe - 4], 2
      mov rax, 0x7ffffffffff9
      jmp rax`;
    expect(explain(source, 1).slice(2)).toEqual(['new RIP 0000800000000000', NOT_CANONICAL]);
  });

  test('loads and stores show theirs too', () => {
    expect(explain(`mov rax, ${BAD}\nmov rbx, [rax + 8]`, 1).slice(2)).toEqual([
      'linear address 0000800000000008',
      'the linear address is not canonical',
    ]);
  });

  test('a gate is shown itself', () => {
    expect(explain(`${gate(6, BAD, 0x8e00)}\nud2\n${IDT}`, 2).slice(2)).toEqual([
      expect.stringMatching(/^gate at 0x\w+60 = 0{12}8000 .*target=0008:0000800000000000$/),
      'the target of the gate is not canonical, or beyond the limit of its code segment',
    ]);
  });
});

/** Source that fills the gate of `vector`, and loads the IDT that IDT defines. */
function gate(vector: number, target: string, access: number): string {
  const at = `idt + ${vector} * 16`;
  return `
      mov rax, ${target}
      mov [${at}], ax
      mov word [${at} + 2], 8
      mov word [${at} + 4], ${access}
      shr rax, 16
      mov [${at} + 6], rax
      lidt [idt_pointer]`;
}
const IDT = `
idt_pointer: dw 0xfff
      dq idt
      align 256
idt:  times 512 dq 0`;

/** GDT with the boot's code and data at 08 and 10, code and data of ring 3, a call gate, and a TSS at 28. */
const TABLES = `
      align 8
gdt:  dq 0, 0x00af9b000000ffff, 0x00cf93000000ffff, 0x00affb000000ffff, 0x00cff3000000ffff
      dq 0x0000890000000000, 0
      dq 0x0000ec0000080000, 0
gdt_pointer: dw $ - gdt - 1
      dq gdt
tss:  times 26 dd 0`;
const LOAD_TSS = `
      mov rax, tss
      mov [gdt + 0x2a], ax
      shr rax, 16
      mov [gdt + 0x2c], al
      mov word [gdt + 0x28], TSS_LIMIT
      lgdt [gdt_pointer]
      mov ax, 0x28
      ltr ax`;

describe('a stack that the TSS gives is named', () => {
  const raise = (setUp: string, limit: number): string[] =>
    explain(
      `%define TSS_LIMIT ${limit}\n${setUp}\n${gate(6, 'idt', 0x8e03)}\nud2\n${TABLES}\n${IDT}`,
      2,
    ).slice(2);

  test('without LTR', () => {
    expect(raise('', 0)).toEqual([
      expect.stringMatching(/^PML4E at physical 0x1ff8 = 0{16}:/),
      'the paging-structure entry is not present',
      'the stack is IST3 of the TSS, at 0x34: 0000000000000000',
      'TR holds no TSS (LTR was not executed): what stands there is garbage',
    ]);
  });

  test('not canonical', () => {
    expect(raise(`${LOAD_TSS}\nmov dword [tss + 0x38], 0x8000`, 0x67)).toEqual([
      'the new stack pointer is not canonical',
      expect.stringMatching(/^the stack is IST3 of the TSS, at 0x\w+: 0000800000000000$/),
    ]);
  });

  test('beyond the limit', () => {
    expect(raise(LOAD_TSS, 0x30)).toEqual([
      'the stack pointer lies beyond the limit of the TSS',
      expect.stringMatching(/^the stack is IST3 of the TSS, at 0x\w+: not read$/),
    ]);
  });

  test('of an inner ring, by a call gate', () => {
    const source = `
%define TSS_LIMIT 0x67
      ${LOAD_TSS}
      mov word [gdt + 0x38 + 6], 0x10
      mov dword [tss + 4], 0x40000008
      or byte [0x1000], 4
      or byte [0x2000], 4
      or byte [0x3000], 4
      mov rax, cr3
      mov cr3, rax
      push 0x23
      push 0x80000
      push 2
      push 0x1b
      push user
      iretq
user: o64 call far [pointer]
pointer: dq 0
      dw 0x3b
      ${TABLES}`;
    expect(explain(source, 1).slice(2)).toEqual([
      expect.stringMatching(/^PDPTE at physical/),
      'the paging-structure entry is not present',
      expect.stringMatching(/^the stack is RSP0 of the TSS, at 0x\w+: 0000000040000008$/),
    ]);
  });
});
