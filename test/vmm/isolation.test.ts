/**
 * Two VMs, one of them hostile: the memory of the other never changes but by its own doing, and nothing that the hostile
 * one sees depends on it.
 */

import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { readGuest } from '../../src/node/guest-file.ts';
import { CPU_TECHNIQUES, type CpuTechnique } from '../../src/vmm/monitor.ts';
import { Crowd, type Member, type Resident } from './crowd.ts';

const guestAt = (name: string) => readGuest(new URL(name, import.meta.url).pathname);
const hostile = guestAt('hostile.asm');
const victim = guestAt('victim.asm');
const spaces = guestAt('spaces.asm');

const member = (guest: Member['guest'], cpu: CpuTechnique): Member => ({
  guest,
  cpu,
  ramBytes: 2 * 2 ** 20,
  weight: 1,
  maxInstructions: 20_000_000,
});

const hash = ({ machine: { memory } }: Resident): string =>
  createHash('sha256').update(memory.read(0, memory.size)).digest('hex');

/** Runs them all; the memory of no VM changes in the step of another. */
function run(members: readonly Member[]) {
  const crowd = new Crowd(members);
  const { residents } = crowd;
  let before = residents.map(hash);
  while (!crowd.isIdle) {
    const ran = crowd.step();
    const after = residents.map(hash);
    residents.forEach((resident, n) => {
      if (resident !== ran) expect(after[n]).toBe(before[n]);
    });
    before = after;
  }
  return residents.map((resident, n) => ({ ...resident.outcome, memory: before[n] }));
}

test.each(CPU_TECHNIQUES)('a hostile guest under %s', (cpu) => {
  const [other, foe] = run([member(victim, 'trap'), member(hostile, cpu)]);
  expect(foe?.end?.kind).toBe('shutdown');
  expect(other?.end).toEqual({ kind: 'exit', status: 1 });
  expect([foe]).toEqual(run([member(hostile, cpu)]));
  expect([other]).toEqual(run([member(victim, 'trap')]));
});

test('a guest with more address spaces than there are shadow pages and PCIDs', () => {
  const many = { ...member(spaces, 'trap'), ramBytes: 16 * 2 ** 20 };
  const crowd = new Crowd([member(victim, 'trap'), many, many]);
  const outcomes = crowd.run();
  expect(outcomes.map((outcome) => outcome?.end)).toEqual(
    outcomes.map(() => ({ kind: 'exit', status: 1 })),
  );
  expect([outcomes[1]]).toEqual(new Crowd([many]).run());
  for (const { vm } of crowd.residents) expect(vm.shadow.size.pages).toBeLessThan(600);
});
