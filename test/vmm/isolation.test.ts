/**
 * Two VMs, one of them hostile: the memory of the other never changes but by its own doing, and nothing that the hostile
 * one sees depends on it.
 */

import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { DEFAULT_RAM } from '../../src/machine/machine.ts';
import { readGuest } from '../../src/node/guest-file.ts';
import { FULL_TECHNIQUES, type FullTechnique } from '../../src/vmm/monitor.ts';
import { Crowd, type Member, type Resident } from './crowd.ts';
import { readGuestNamed } from './lockstep.ts';

const guestAt = (name: string) => readGuest(new URL(name, import.meta.url).pathname);
const hostile = guestAt('hostile.asm');
const victim = guestAt('victim.asm');
const spaces = guestAt('spaces.asm');

const member = (guest: Member['guest'], cpu: FullTechnique): Member => ({
  guest,
  cpu,
  ramBytes: 2 * 2 ** 20,
  weight: 1,
  maxInstructions: 20_000_000,
});

const hash = ({ machine: { memory } }: Resident): string =>
  createHash('sha256').update(memory.read(0, memory.size)).digest('hex');

/** Runs them all; the memory of the first changes in no step of another. */
function run(members: readonly Member[]) {
  const crowd = new Crowd(members);
  const { residents } = crowd;
  const [first] = residents as [Resident];
  let before = hash(first);
  while (!crowd.isIdle) {
    const ran = crowd.step();
    const after = hash(first);
    if (ran !== first) expect(after).toBe(before);
    before = after;
  }
  return residents.map((resident) => ({ ...resident.outcome, memory: hash(resident) }));
}

const FOES = [
  ...FULL_TECHNIQUES.map((cpu) => ['hostile', cpu, member(hostile, cpu)] as const),
  [
    'escape',
    'trap',
    { ...member(readGuestNamed('escape'), 'trap'), ramBytes: DEFAULT_RAM },
  ] as const,
];

test.each(FOES)('a hostile guest: %s, %s', (name, _, foe) => {
  const [other, seen] = run([member(victim, 'trap'), foe]);
  expect(seen?.end?.kind).toBe(name === 'hostile' ? 'shutdown' : 'exit');
  expect(other?.end).toEqual({ kind: 'exit', status: 1 });
  expect([seen]).toEqual(run([foe]));
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
