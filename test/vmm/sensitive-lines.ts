/** Reads sensitive-lines.txt, and finds such lines in what a guest has printed. */

import { readFileSync } from 'node:fs';
import type { FullTechnique } from '../../src/vmm/monitor.ts';

/** A line of output on the bare machine and in a VM. */
export interface LinePair {
  readonly bare: string;
  readonly vm: string;
}

export interface SensitiveLine extends LinePair {
  /** Whose code prints it. */
  readonly by: 'kernel' | 'user';
  /** What makes it differ. */
  readonly instructions: readonly string[];
}

const path = new URL('sensitive-lines.txt', import.meta.url);

/** By guest, in the order of its output. */
export const SENSITIVE_LINES: ReadonlyMap<string, readonly SensitiveLine[]> = new Map(
  readFileSync(path, 'latin1')
    .split('\n\n')
    .map((part) => part.trimEnd().split('\n'))
    .filter(([, row = '']) => row.startsWith('  '))
    .map(([guest = '', ...rows]) => [guest, rows.map(parse)]),
);

function parse(row: string): SensitiveLine {
  const match = /^ {2}(kernel|user) +(.+?) {2,}(.*) -> (.*)$/.exec(row);
  if (match === null) throw new Error(`sensitive-lines.txt: ${row}`);
  const [, by, instructions = '', bare = '', value = ''] = match;
  // What stands behind the arrow takes the place of what follows the label.
  const label = /^.*: /.exec(bare)?.[0] ?? '';
  return {
    by: by === 'user' ? 'user' : 'kernel',
    instructions: listOf(instructions),
    bare,
    vm: label + value,
  };
}

/** `mov from cs, ss` is two of them. */
function listOf(text: string): readonly string[] {
  const names = text.split(', ');
  const verb = /^mov \w+ /.exec(text)?.[0] ?? '';
  return names.map((name) => (/^[c-gs]s$/.test(name) ? verb + name : name));
}

/** The lines of `guest` that differ under `cpu`. */
export function linesUnder(cpu: FullTechnique, guest: string): LinePair[] {
  const lines = SENSITIVE_LINES.get(guest) ?? [];
  return lines
    .filter(({ by }) => cpu === 'trap' || by === 'user')
    .map(({ bare, vm }) => ({ bare, vm }));
}

/** Lines of two outputs that are not the same. */
export function differingLines(bare: string, vm: string): LinePair[] {
  const one = bare.split('\n');
  const two = vm.split('\n');
  return Array.from({ length: Math.max(one.length, two.length) }, (_, n) => ({
    bare: one[n] ?? '',
    vm: two[n] ?? '',
  })).filter((pair) => pair.bare !== pair.vm);
}
