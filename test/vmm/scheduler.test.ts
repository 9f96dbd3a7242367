/** What a VM computes does not depend on its neighbours: to the instruction it is what it computes alone. */

import { describe, expect, test } from 'vitest';
import { assemble } from '../../src/assembler/assemble.ts';
import { flatImage } from '../../src/image/flat.ts';
import { loadImage } from '../../src/image/load.ts';
import { Machine } from '../../src/machine/machine.ts';
import type { FullTechnique } from '../../src/vmm/monitor.ts';
import { Scheduler, type Task } from '../../src/vmm/scheduler.ts';
import { Crowd } from './crowd.ts';
import { module, type Outcome, readGuestNamed, runGuest } from './lockstep.ts';

const LIMIT = 200_000;

interface Case {
  readonly name: string;
  readonly cpu: FullTechnique;
  readonly weight: number;
  readonly input?: string;
}

const bytes = (text = ''): Uint8Array => new TextEncoder().encode(text);

function alone({ name, cpu, input }: Case): Outcome {
  return runGuest(readGuestNamed(name), cpu, LIMIT, bytes(input));
}

function together(cases: readonly Case[]): (Outcome | undefined)[] {
  const members = cases.map(({ name, cpu, weight, input }) => ({
    guest: readGuestNamed(name),
    cpu,
    weight,
    input: bytes(input),
    maxInstructions: LIMIT,
  }));
  return new Crowd(members).run();
}

const SHELL = 'help\nps\nrun counter\nrun crash-read\nmem\nexit\n';

const CROWDS: Readonly<Record<string, readonly Case[]>> = {
  'two of the same kernel': [
    { name: 'processes', cpu: 'trap', weight: 1, input: SHELL },
    { name: 'processes', cpu: 'trap', weight: 1, input: SHELL },
  ],
  'three kernels, with weights': [
    { name: 'interrupts', cpu: 'trap', weight: 3, input: 'abc' },
    { name: 'check-pcid', cpu: 'trap', weight: 1 },
    { name: 'user', cpu: 'interpret', weight: 7 },
  ],
  'ten kernels': [
    { name: 'bench-syscall', cpu: 'trap', weight: 1 },
    { name: 'bench-int80', cpu: 'trap', weight: 2 },
    { name: 'bench-mapunmap', cpu: 'trap', weight: 3 },
    { name: 'bench-pagefault', cpu: 'trap', weight: 1 },
    { name: 'check-apic-timer', cpu: 'trap', weight: 5 },
    { name: 'check-double-fault', cpu: 'interpret', weight: 1 },
    { name: 'check-pae', cpu: 'interpret', weight: 1 },
    { name: 'paging', cpu: 'trap', weight: 4 },
    { name: 'multiboot', cpu: 'interpret', weight: 2 },
    { name: 'processes', cpu: 'trap', weight: 1, input: SHELL },
  ],
};

describe('each as it is alone', () => {
  test.each(Object.entries(CROWDS))('%s', (_, cases) => {
    expect(together(cases)).toEqual(cases.map(alone));
  });
});

/** A machine that runs `source` for ever. */
function endless(source: string): Machine {
  const machine = Machine.bare(module, { ramBytes: 2 * 2 ** 20 });
  const code = `bits 64\norg 0x100000\n${source}`;
  loadImage(machine, flatImage(assemble(code, { file: 'test.asm' }).bytes));
  return machine;
}

/** Sleeps from NMI to NMI. */
const SLEEPER = `lidt [idtr]
sti
again: hlt
jmp again
on_nmi: iretq
idtr: dw 3 * 16 - 1
dq idt
idt: dq 0, 0, 0, 0
dw on_nmi - $$, 8, 0x8e00, 0x10
dq 0
`;

describe('turns', () => {
  test('as long as weights say', () => {
    const scheduler = new Scheduler<Task>();
    const weights = [1, 3, 10];
    const tasks = weights.map((weight) => ({ machine: endless('jmp $\n'), weight }));
    for (const task of tasks) scheduler.add(task);
    const [first] = tasks as [Task];
    while (first.machine.instructions < 1_000_000n) scheduler.step();
    // The others' tenth turns are still to come.
    const shares = tasks.map(({ machine }) => Number(machine.instructions));
    expect(shares).toEqual([1_000_000, 2_700_000, 9_000_000]);
  });

  test('a guest that halts gives the rest of its turn away', () => {
    const machine = endless(SLEEPER);
    const { clock } = machine;
    const alarm = clock.timer((at) => {
      machine.processor.raiseNmi();
      clock.schedule(alarm, at + 1000n);
    });
    clock.schedule(alarm, 1000n);
    const scheduler = new Scheduler<Task>();
    const sleeper = { machine, weight: 1000 };
    const worker = { machine: endless('jmp $\n'), weight: 1 };
    scheduler.add(sleeper);
    scheduler.add(worker);
    while (worker.machine.instructions < 1_000_000n) scheduler.step();
    // In ten turns it has slept ten times, and woken up for the next.
    expect(clock.now() / 1000n).toBe(10n);
    expect(machine.instructions).toBeLessThan(100n);
  });

  test('none for a guest that has ended or was taken out', () => {
    const scheduler = new Scheduler<Task>();
    const sleeper = { machine: endless('again: hlt\njmp again\n'), weight: 5 };
    const worker = { machine: endless('jmp $\n'), weight: 1 };
    scheduler.add(sleeper);
    scheduler.add(worker);
    expect(scheduler.step()).toEqual({ task: sleeper, end: { kind: 'halted' } });
    for (let n = 0; n < 5; n++) expect(scheduler.step().task).toBe(worker);
    scheduler.remove(worker);
    expect(scheduler.isIdle).toBe(true);
  });
});
