/** Domains beside one another and beside VMs of other techniques: each computes what it computes alone, and gets its turns. */

import { expect, test } from 'vitest';
import { loadImage } from '../../../../src/image/load.ts';
import type { Machine } from '../../../../src/machine/machine.ts';
import { Board } from '../../../../src/pc/board.ts';
import { Scheduler, type Task } from '../../../../src/vmm/scheduler.ts';
import {
  createVirtualMachines,
  type FullVirtualMachine,
  type ParaVirtualMachine,
} from '../../../../src/vmm/virtual-machine.ts';
import type { VmOptions } from '../../../../src/vmm/vm-options.ts';
import { module, readGuestNamed, runGuest } from '../../lockstep.ts';
import { CODE, code, guests, RAM_BYTES, TestGuest } from './guest.ts';

const RBP = 5;
/** Sums up the squares of numbers, by way of memory. */
const WORK = `
  xor ebp, ebp
  mov ecx, 5000
again: mov eax, ecx
  imul eax, eax
  mov [0x30000 + rcx * 8], rax
  add rbp, [0x30000 + rcx * 8]
  loop again
  EXIT`;
const SUM = BigInt((5000 * 5001 * 10001) / 6);

const begin = (guest: TestGuest, source: string): Task => {
  guest.machine.processor.enter();
  guest.write(CODE, code(source, CODE));
  guest.vcpu.rip = BigInt(CODE);
  return { machine: guest.machine, weight: 1 };
};

test.each(['direct', 'shadow'] as const)('one that never blocks, with --memory %s', (memory) => {
  const [busy, worker] = guests(2, { memory }) as [TestGuest, TestGuest];
  const scheduler = new Scheduler<Task>();
  scheduler.add(begin(busy, 'again: mov eax, 29\nxor edi, edi\nsyscall\njmp again'));
  const second = begin(worker, WORK);
  scheduler.add(second);
  let turns = 0;
  for (; turns < 50; turns++) {
    const { task, end } = scheduler.step();
    if (end === undefined) continue;
    expect(task).toBe(second);
    expect(end.kind).toBe('exit');
    break;
  }
  expect(turns).toBeLessThan(10);
  expect(worker.gpr[RBP]).toBe(SUM);
});

test('two domains and VMs under trap and patch', () => {
  const LIMIT = 300_000;
  const options: VmOptions[] = [
    { cpu: 'para', memory: 'direct', ramBytes: RAM_BYTES },
    { cpu: 'trap', maxInstructions: LIMIT },
    { cpu: 'para', memory: 'shadow', ramBytes: RAM_BYTES },
    { cpu: 'patch', maxInstructions: LIMIT },
  ];
  const vms = createVirtualMachines(module, options);
  const hello = readGuestNamed('exceptions');
  const outputs = new Map<Machine, number[]>();
  const scheduler = new Scheduler<Task>();
  const domains: TestGuest[] = [];
  for (const vm of vms) {
    if (vm.domain !== undefined) {
      const domain = new TestGuest(vm as ParaVirtualMachine);
      domains.push(domain);
      scheduler.add(begin(domain, WORK));
    } else {
      const sent: number[] = [];
      const { machine } = vm as FullVirtualMachine;
      const board = new Board(machine, { com1: (byte) => sent.push(byte) });
      loadImage(machine, hello.image);
      board.com1.openInput();
      outputs.set(machine, sent);
      scheduler.add({ machine, weight: 1 });
    }
  }
  while (!scheduler.isIdle) scheduler.step();
  for (const domain of domains) {
    domain.machine.processor.enter();
    expect(domain.gpr[RBP]).toBe(SUM);
  }
  const alone = runGuest(hello, 'bare', LIMIT).output;
  for (const sent of outputs.values()) expect(Buffer.from(sent).toString('latin1')).toBe(alone);
});
