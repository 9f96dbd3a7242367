/**
 * What a guest sees of a VMM through the instructions that are sensitive and do not trap: guests/probe. Under trap all
 * of it runs directly, under interpretation and patch its programs do.
 */

import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import type { FullTechnique } from '../../src/vmm/monitor.ts';
import { guestPath, readGuestNamed, runGuest } from './lockstep.ts';

const LIMIT = 20_000_000;

const beside = (name: string): string =>
  readFileSync(guestPath('probe').replace('main.asm', name), 'latin1');
const linesOf = (text: string): string[] => text.split('\n');

const bare = linesOf(beside('expected.txt'));
const trap = linesOf(beside('expected-trap.txt'));

const run = (cpu: FullTechnique | 'bare'): string[] =>
  linesOf(runGuest(readGuestNamed('probe'), cpu, LIMIT).output);

/** Of a line of output or of the source who it is about, if that is said, and what. */
const partsOf = (line: string): { who: string; what: string } => {
  const [, who = '', what = ''] = /^(?:(kernel|program): )?(.*)/.exec(line) ?? [];
  return { who, what };
};

/** The checks of the source, and whether a comment says that trap shows something else. */
function checks(): { who: string; what: string; isExplained: boolean }[] {
  let isExplained = false;
  return linesOf(beside('main.asm')).flatMap((line) => {
    if (/^ *; trap: /.test(line)) isExplained = true;
    const [, text] = /^ *(?:check|user_check|line_in) .*?"(.*?)"/.exec(line) ?? [];
    if (text === undefined) return [];
    const check = { ...partsOf(text), isExplained };
    isExplained = false;
    return [check];
  });
}

test('on the bare machine it sees itself', () => {
  expect(run('bare')).toEqual(bare);
});

test('under trap it sees the VMM', () => {
  expect(run('trap')).toEqual(trap);
});

test.each(['interpret', 'patch'] as const)('under %s only its programs see the VMM', (cpu) => {
  expect(run(cpu)).toEqual(
    bare.map((line, n) => (partsOf(line).who === 'program' ? trap[n] : line)),
  );
});

test('exactly what differs under trap is explained in the source', () => {
  const differs = bare.filter((line, n) => line !== trap[n]).map(partsOf);
  for (const { who, what, isExplained } of checks()) {
    const lines = differs.filter((line) => line.what.startsWith(`${what}: `));
    const isSeen = lines.some((line) => who === '' || line.who === who);
    expect([who, what, isSeen]).toEqual([who, what, isExplained]);
  }
});

test('each of the 18 sensitive instructions that are not privileged is there, and IRET', () => {
  const names = new Set(bare.map((line) => /^\w+: (\w+)/.exec(line)?.[1]));
  names.delete(undefined);
  expect([...names].sort()).toEqual(
    // biome-ignore format: as in the tables
    [
      'call', 'int', 'iret', 'jmp', 'lar', 'lsl', 'mov', 'pop', 'popf', 'push', 'pushf', 'ret', 'sgdt', 'sidt', 'sldt',
      'smsw', 'str', 'verr', 'verw',
    ],
  );
});
