/**
 * Under interpret and patch the kernel of a guest cannot tell that it is in a VM; its user code, which runs directly, can:
 * by instructions that neither trap at CPL 3 nor show the guest's own state there. These lines differ, and no others.
 */

import { expect, test } from 'vitest';
import { readGuestNamed, runGuest } from './lockstep.ts';
import { SHOW_HOST } from './show-host.ts';

const LIMIT = 3_000_000;

const CASES = Object.keys(SHOW_HOST).flatMap((name) => [
  ['interpret', name] as const,
  ['patch', name] as const,
]);

test.each(CASES)('%s: %s', (cpu, name) => {
  const guest = readGuestNamed(name);
  const bare = runGuest(guest, 'bare', LIMIT);
  const vm = runGuest(guest, cpu, LIMIT);
  const expected = bare.output.split('\n');
  const lines = vm.output.split('\n');
  expect(lines).toHaveLength(expected.length);
  const differing = expected.filter((line, n) => line !== lines[n]);
  const reasons = SHOW_HOST[name] ?? [];
  expect(differing.filter((line) => !reasons.some(([label]) => label.test(line)))).toEqual([]);
  for (const [label, reason] of reasons) {
    expect(
      differing.some((line) => label.test(line)),
      reason,
    ).toBe(true);
  }
  expect(vm.end).toEqual(bare.end);
});
