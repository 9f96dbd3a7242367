/** Decoded code that changes in other ways than by a store of the program: each was wrong once. */

import { describe, expect, it } from 'vitest';
import { BareMachine, CODE, RAM_BYTES } from '../fuzz/machine.ts';

const PT = 0x4000;
/** GVA of the page that maps the page table. */
const TABLE = 0x11000;

/**
 * Code in a page table: the PTE of GVA 100000 begins with 05, `add eax, imm32`. The walk of a read through it
 * sets its accessed flag, 20, which makes it `and eax, imm32`.
 */
function runOnPageTable(machine: BareMachine, fuel: number, total: number): bigint {
  machine.restore(0);
  const { view, memory } = machine.processor;
  memory.writeU64(PT + (TABLE >> 12) * 8, BigInt(PT) | 3n);
  for (let page = 0xf0; page < 0x100; page += 2) memory.writeU64(PT + page * 8, 0x20023n);
  // mov rcx, [rbx]; add eax, 200h; add al, al; jmp 840h
  memory.write(PT + 0x7fd, Uint8Array.of(0x48, 0x8b, 0x0b, 5, 0, 2, 0, 0, 0, 0xc0, 0xeb, 0x37));
  // add rbx, 2000h; jmp 7fdh
  memory.write(PT + 0x840, Uint8Array.of(0x48, 0x81, 0xc3, 0, 0x20, 0, 0, 0xeb, 0xb4));
  view.setU64('CR0', view.u64('CR0') & ~0x10000n);
  view.gpr[0] = 0n;
  view.gpr[3] = 0xf0000n;
  view.setU64('RIP', BigInt(TABLE + 0x7fd));
  machine.processor.stateChanged();
  for (let done = 0; done < total; done += fuel) machine.processor.run(fuel);
  return view.gpr[0] ?? 0n;
}

describe('decoded code', () => {
  it('is seen to change by an accessed flag that a walk sets in it', () => {
    const machine = new BareMachine();
    expect(runOnPageTable(machine, 54, 54)).toBe(0n);
    expect(runOnPageTable(machine, 1, 54)).toBe(0n);
  });

  it('is forgotten at reset, and with it that its frame held code', () => {
    const machine = new BareMachine();
    const { processor } = machine;
    for (let turn = 0; turn < 3; turn++) {
      for (const at of [CODE, CODE + 0x1000]) {
        machine.restore(0);
        processor.memory.write(at, Uint8Array.of(0x90, 0xeb, 0xfd));
        processor.view.setU64('RIP', BigInt(at));
        expect(processor.run(10)).toBe('fuel');
      }
      processor.reset();
    }
    processor.memory.fill(0, RAM_BYTES, 0);
    expect(processor.memory.bytes.every((byte) => byte === 0)).toBe(true);
  });
});
