/** Writes of a translated domain to its own page tables, which the VMM emulates. */

import { beforeEach, describe, expect, test } from 'vitest';
import { ANY, code, guest, PAGE, type TestGuest } from './guest.ts';

const [RAX, RBX, RSP] = [0, 3, 4];
const HANDLER = 0x4000;
const [DB, GP, PF] = [1, 13, 14];
const HOLE = 0x50_0000;
const EXITED = { kind: 'exit' };

let one: TestGuest;
/** Addresses of the first L1 table and of the L2 table. */
let l1: number;
let l2: number;

beforeEach(() => {
  one = guest('shadow');
  [l1, l2] = [one.table(1) * PAGE, one.table(2) * PAGE];
  for (const at of [l1, l2]) {
    expect(one.call('update_va_mapping', at, at + ANY, 2)).toBe(0);
  }
  one.write(HANDLER, code('mov ebx, 99\nEXIT', HANDLER));
  one.setTraps([DB, 0, HANDLER], [GP, 0, HANDLER], [PF, 0, HANDLER]);
});

const frame = (count: number): bigint[] => one.words(Number(one.gpr[RSP]), count);

describe('a write to a table', () => {
  test('has its effect, and takes the time of an instruction', () => {
    one.poke(0x41 * PAGE, 0x4141);
    const write = `mov [${l1 + 0x40 * 8}], rsi\nmov rdi, [${0x40 * PAGE}]\n`;
    const before = one.machine.instructions;
    const source = `mov rsi, ${one.entry(0x41, ANY)}\n${write}mov eax, edi\nEXIT`;
    expect(one.run(source)).toMatchObject(EXITED);
    expect(one.machine.instructions - before).toBe(5n);
    expect(one.peek(l1 + 0x40 * 8) & ~0x60n).toBe(one.entry(0x41, ANY));
    expect(one.gpr[RAX]).toBe(0x4141n);
  });

  test('under TF is followed by a trap', () => {
    const source = `mov rsi, 0\npush 0x302\npopfq\nmov [${l2 + 511 * 8}], rsi\nnop`;
    one.poke(l2 + 511 * 8, 0x77);
    expect(one.run(source)).toMatchObject(EXITED);
    expect(one.peek(l2 + 511 * 8)).toBe(0n);
    const [, , rip, , flags] = frame(5);
    expect(one.peek(Number(rip)) & 0xffn).toBe(0x90n);
    expect((flags ?? 0n) & 0x100n).toBe(0x100n);
    expect(one.call('get_debugreg', 6) & 0x4000).toBe(0x4000);
  });

  test('that goes on where nothing is mapped faults there', () => {
    const last = 0x3ff * PAGE;
    // The last page that is mapped becomes a table, for nothing.
    expect(
      one.run(`mov qword [${l2 + 3 * 8}], ${last + ANY}\nmov al, [${0x60_0000}]\nEXIT`),
    ).toMatchObject(EXITED);
    expect(one.gpr[RBX]).toBe(99n);
    expect(one.run(`lea rbx, [rel spot]\nspot: mov [${last + 0xffc}], rbx`)).toMatchObject(EXITED);
    expect(frame(3)[2]).toBe(2n);
    const { memory } = one.machine.processor;
    expect(memory.readU64(one.sharedInfo + 16)).toBe(0x40_0000n);
  });

  test('by an instruction that could show privileges is the guest’s fault', () => {
    one.run(`mov ebx, 1\nmov rsp, ${l2 + 512 * 8}\npushfq\nEXIT`);
    expect(one.gpr[RBX]).toBe(99n);
  });
});

describe('code that is no more what was translated', () => {
  // Over the store that faults lies, in the page that is mapped there now, what only supervisors may do.
  const PAYLOADS = [
    'lgdt [rbp]',
    'lidt [rbp]',
    'mov cr0, rbp',
    'mov cr3, rbp',
    'hlt',
    'cli',
    'out 0x70, al',
    'wrmsr',
    'iretq',
    'lldt bp',
  ];

  test.each(PAYLOADS)('%s is not carried out', (payload) => {
    const [place, first, second] = [0x60 * PAGE, 0x61, 0x62];
    const store = code('mov [rdi], rsi\nret', place);
    one.write(place, store);
    one.write(first * PAGE, store);
    one.write(second * PAGE, code(`${payload}\nret`, place));
    const entry = `[${l1 + 0x60 * 8}]`;
    const view = () => {
      const { view } = one.machine.processor;
      return ['GDTR_BASE', 'IDTR_BASE', 'CR0', 'CR4', 'EFER', 'SYSENTER_CS'].map((name) =>
        view.u64(name),
      );
    };
    const before = view();
    const end = one.run(`
      mov ebx, 1
      mov edi, ${l2 + 511 * 8}
      xor esi, esi
      mov ebp, 0x9000
      mov ecx, 0x174
      mov rax, ${one.entry(first, ANY)}
      mov r12, ${one.entry(second, ANY)}
      mov ${entry}, rax
      call ${place}
      mov ${entry}, r12
      call ${place}
      mov ${entry}, rax
      call ${place}
      mov ${entry}, r12
      call ${place}
      EXIT`);
    expect(end).toMatchObject(EXITED);
    expect(view()).toEqual(before);
    expect(one.machine.processor.view.u32('CPL')).toBe(3);
    expect(one.run('mov ebx, 3\nEXIT')).toMatchObject(EXITED);
    expect(one.gpr[RBX]).toBe(3n);
  });
});

test('what is mapped nowhere stays so', () => {
  expect(one.run(`mov ebx, 1\nmov al, [${HOLE}]\nEXIT`)).toMatchObject(EXITED);
  expect(one.gpr[RBX]).toBe(99n);
});

test('what is in the slots of the hypervisor shows the guest its own memory at most', () => {
  const l4 = one.root * PAGE;
  for (let slot = 256; slot < 272; slot++) {
    one.poke(l4 + slot * 8, one.table(3) * PAGE + ANY);
  }
  expect(one.ext(6)).toBe(0);
  for (let slot = 256; slot < 272; slot++) {
    for (const page of [0, 18, 0x41, 0x42]) {
      const va = (BigInt(slot) << 39n) | (0xffffn << 48n) | BigInt(page * PAGE);
      one.poke(page * PAGE + 0x800, 0x7777 + page);
      one.run(`mov ebx, 1\nmov rax, ${va + 0x800n}\nmov rax, [rax]\nEXIT`);
      if (one.gpr[RBX] === 1n) expect(one.gpr[RAX]).toBe(BigInt(0x7777 + page));
    }
  }
  // It is not seen by calls either.
  expect(one.call('console_io', 0, 8, 0xffff_8080_0000_0000n)).toBe(-14);
});
