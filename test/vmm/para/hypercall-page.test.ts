/** Stubs of the hypercall page, as the disassembler shows them. */

import { expect, test } from 'vitest';
import { disassemble, instructionSet } from '../../../src/disassembler/disassemble.ts';
import { ROWS } from '../../../src/isa/table.ts';
import { hypercallPage } from '../../../src/vmm/para/build/hypercall-page.ts';
import { HYPERVISOR } from '../../../src/xen/hypercalls.ts';

const SET = instructionSet(ROWS);
const PAGE = hypercallPage();

function stub(number: number): string[] {
  const bytes = PAGE.subarray(number * 32, number * 32 + 32);
  return disassemble(bytes, SET, { mode: 64, origin: 0n }).map(({ text }) => text);
}
const filled = (lines: string[], bytes: number) => [...lines, ...Array(32 - bytes).fill('int3')];

test.each([0, HYPERVISOR.console_io, 127])(
  'hypercall %i returns with RCX and R11 as they were',
  (n) => {
    const number = `mov eax,0x${n.toString(16)}`;
    const lines = ['push rcx', 'push r11', number, 'syscall', 'pop r11', 'pop rcx', 'ret'];
    expect(stub(n)).toEqual(filled(lines, 14));
  },
);

test('iret does not return, and makes the top of its frame', () => {
  const lines = ['push rcx', 'push r11', 'push rax', 'mov eax,0x17', 'syscall'];
  expect(stub(HYPERVISOR.iret)).toEqual(filled(lines, 11));
});
