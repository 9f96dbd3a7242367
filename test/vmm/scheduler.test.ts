/** What a VM computes does not depend on its neighbours: to the instruction it is what it computes alone. */

import { describe, expect, test } from 'vitest';
import type { CpuTechnique } from '../../src/vmm/monitor.ts';
import { Crowd } from './crowd.ts';
import { type Outcome, readGuestNamed, runGuest } from './lockstep.ts';

const LIMIT = 200_000;

interface Case {
  readonly name: string;
  readonly cpu: CpuTechnique;
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
