/** Ten VMs of ten processes each: a hundred address spaces, each with a shadow for its kernel and one for its user code. */

import { expect, test } from 'vitest';
import { Crowd } from './crowd.ts';
import { readGuestNamed } from './lockstep.ts';

const VMS = 10;
/** Of the ten processes, two are shells. The second shell takes the frame that was the root of its parent's copy. */
const NAPS = 8;
const SESSION = `${'run nap &\n'.repeat(NAPS)}run shell\nps\n`;

test('ten VMs with ten processes each', () => {
  const guest = readGuestNamed('processes');
  const input = new TextEncoder().encode(SESSION);
  const members = Array.from({ length: VMS }, () => ({
    guest,
    cpu: 'trap' as const,
    ramBytes: 16 * 2 ** 20,
    weight: 1,
    input,
    stopsForInput: true,
  }));
  const crowd = new Crowd(members);
  crowd.run();
  const sizes = crowd.residents.map(({ vm }) => vm.shadow.size);
  const sum = (name: 'guestRoots' | 'roots' | 'bootRoots'): number =>
    sizes.reduce((total, size) => total + size[name], 0);
  for (const { outcome } of crowd.residents) {
    expect(outcome?.output.match(/^ *\d+ .* nap/gm)).toHaveLength(NAPS);
    expect(outcome?.output.match(/^ *\d+ .* shell/gm)).toHaveLength(2);
  }
  expect([sum('guestRoots'), sum('roots')]).toEqual([100, 200]);
  expect(sum('bootRoots')).toBeGreaterThanOrEqual(VMS);
}, 400_000);
