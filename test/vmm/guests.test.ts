/**
 * Guests in a VM do, to the instruction, what they do on the bare machine, but for the lines of sensitive-lines.txt: what
 * neither traps nor gives the right result at CPL 3. Those of `probe` and `escape` stand beside them (probe.test.ts,
 * escape.test.ts).
 */

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { FULL_TECHNIQUES, type FullTechnique } from '../../src/vmm/monitor.ts';
import { guestPath, type Outcome, type Runner, readGuestNamed, runGuest } from './lockstep.ts';
import { differingLines, linesUnder, SENSITIVE_LINES } from './sensitive-lines.ts';

const LIMIT = 3_000_000;

const ELSEWHERE: ReadonlySet<string> = new Set(['probe', 'escape']);
/** Guests of the bare machine: those for Xen's ABI alone have no expected.txt. */
const hasExpected = (name: string): boolean =>
  existsSync(guestPath(name).replace(/main\.asm$/, 'expected.txt'));
const ALL = readdirSync(new URL('../../guests', import.meta.url)).filter(
  (name) => hasExpected(name) && !ELSEWHERE.has(name),
);

/** Goes astray under trap when it single-steps MOV SS, with the selector that MOV from SS gave: not for trap. */
const ASTRAY = 'check-code';

const bareOutcomes = new Map<string, Outcome>();

function inputOf(name: string): Iterable<number> {
  const path = guestPath(name).replace(/main\.asm$/, 'input.txt');
  return existsSync(path) ? readFileSync(path) : [];
}

/** Filling all entries at every load of CR3 takes its time. */
const limitOf = (name: string, { shadowFill }: Pick<Runner, 'shadowFill'>): number => {
  if (!name.startsWith('bench-')) return LIMIT;
  return shadowFill === 'eager' ? 50_000 : 300_000;
};

function bareOutcome(name: string, limit: number): Outcome {
  const key = `${name} ${limit}`;
  const known = bareOutcomes.get(key);
  if (known !== undefined) return known;
  const outcome = runGuest(readGuestNamed(name), 'bare', limit, inputOf(name));
  bareOutcomes.set(key, outcome);
  return outcome;
}

const SETUPS: readonly (Runner & { readonly cpu: FullTechnique })[] = [
  ...FULL_TECHNIQUES.map((cpu) => ({ cpu })),
  { cpu: 'trap', shadowFill: 'eager' },
  // No guest computes where in the middle of an instruction it jumps to.
  { cpu: 'patch', patchJumps: 'aligned' },
];

describe.each(SETUPS)('under %o', (options) => {
  const { cpu } = options;
  test.each(ALL.filter((name) => cpu !== 'trap' || name !== ASTRAY))('%s', (name) => {
    const limit = limitOf(name, options);
    const bare = bareOutcome(name, limit);
    const vm = runGuest(readGuestNamed(name), options, limit, inputOf(name));
    const lines = linesUnder(cpu, name);
    expect(differingLines(bare.output, vm.output)).toEqual(lines);
    if (lines.length === 0) expect(vm).toEqual(bare);
    else expect(vm.end).toEqual(bare.end);
  });
});

/** Robin and Irvine 2000; that IRET and CPUID are sensitive as well, they did not count. */
const SENSITIVE =
  'sgdt sidt sldt str smsw pushf popf lar lsl verr verw push pop call jmp int retf iret cpuid'.split(
    ' ',
  );

test('each line is explained by an instruction that is sensitive and does not trap', () => {
  const names = [...SENSITIVE_LINES.values()].flat().flatMap((line) => line.instructions);
  const others = names.filter((name) => !/^mov (from|to) [c-gs]s$/.test(name));
  expect(others.filter((name) => !SENSITIVE.includes(name))).toEqual([]);
});
