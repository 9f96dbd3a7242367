/**
 * Runs instruction vectors on a target, the emulator or a processor, and says where the outcome
 * differs from the recorded one.
 */

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  type Case,
  type CaseInput,
  FLAGS_COMPARED,
  flagLetters,
  type Outcome,
  type Piece,
  parseVectors,
  REGISTERS,
  type Trap,
} from './format.ts';

/** Executes instructions. Answers are in the order of inputs; a text says why one is missing. */
export interface Target {
  run(inputs: readonly CaseInput[]): readonly (Outcome | string)[];
}

export interface Failure {
  readonly test: Case;
  /** `rax: 5, expected 6`. */
  readonly differences: readonly string[];
}

export function vectorFiles(directory: string): string[] {
  return readdirSync(directory)
    .filter((name) => name.endsWith('.ins'))
    .sort();
}

export function loadVectors(directory: string, name: string): Case[] {
  return parseVectors(name, readFileSync(join(directory, name), 'utf8'));
}

export function runVectors(cases: readonly Case[], target: Target): Failure[] {
  const outcomes = target.run(cases.map(({ input }) => input));
  return cases.flatMap((test, i) => {
    const outcome = outcomes[i] ?? 'no outcome';
    const differences = typeof outcome === 'string' ? [outcome] : compare(test, outcome);
    return differences.length > 0 ? [{ test, differences }] : [];
  });
}

export function compare(
  test: Pick<Case, 'expected' | 'undefinedFlags'>,
  actual: Outcome,
): string[] {
  const { expected } = test;
  const found: string[] = [];
  const note = (what: string, got: string, wanted: string) => {
    if (got !== wanted) found.push(`${what}: ${got}, expected ${wanted}`);
  };
  note('trap', trapText(actual.trap), trapText(expected.trap));
  for (const name of [...REGISTERS, 'rip']) {
    note(name, hex(actual.regs[name]), hex(expected.regs[name]));
  }
  const mask = FLAGS_COMPARED & ~test.undefinedFlags;
  const flags = ({ regs }: Outcome) => flagLetters((regs.rflags ?? 0n) & mask);
  note('flags', flags(actual), flags(expected));
  found.push(...compareMemory(actual.memory, expected.memory));
  return found;
}

function hex(value: bigint | undefined): string {
  return value === undefined ? 'missing' : value.toString(16);
}

function trapText(trap: Trap | null): string {
  if (trap === null) return 'none';
  const code = trap.error === null ? '' : `(${hex(trap.error)})`;
  return `${trap.name}${code}${trap.cr2 === null ? '' : ` cr2=${hex(trap.cr2)}`}`;
}

function compareMemory(actual: readonly Piece[], expected: readonly Piece[]): string[] {
  const got = bytesOf(actual);
  const wanted = bytesOf(expected);
  const places = [...new Set([...got.keys(), ...wanted.keys()])].sort((a, b) => (a < b ? -1 : 1));
  return places
    .filter((at) => got.get(at) !== wanted.get(at))
    .map((at) => {
      const byte = (bytes: Map<bigint, string>) => bytes.get(at) ?? 'unchanged';
      return `[${hex(at)}]: ${byte(got)}, expected ${byte(wanted)}`;
    });
}

function bytesOf(pieces: readonly Piece[]): Map<bigint, string> {
  const bytes = new Map<bigint, string>();
  for (const [address, text] of pieces) {
    for (let i = 0; i < text.length / 2; i++) {
      bytes.set(address + BigInt(i), text.slice(2 * i, 2 * i + 2));
    }
  }
  return bytes;
}

const SHOWN = 20;
const SHOWN_PER_MNEMONIC = 3;

/** Counts by mnemonic and the first failures of each; empty when there are none. */
export function report(failures: readonly Failure[], caseCount: number): string {
  if (failures.length === 0) return '';
  const byMnemonic = new Map<string, Failure[]>();
  for (const failure of failures) {
    const { mnemonic } = failure.test;
    byMnemonic.set(mnemonic, [...(byMnemonic.get(mnemonic) ?? []), failure]);
  }
  const counts = [...byMnemonic].map(([mnemonic, list]) => `${mnemonic} ${list.length}`);
  const shown = [...byMnemonic.values()].flatMap((list) => list.slice(0, SHOWN_PER_MNEMONIC));
  return [
    `${failures.length} of ${caseCount} cases differ: ${counts.join(', ')}`,
    ...shown.slice(0, SHOWN).map(describe),
  ].join('\n');
}

function describe({ test, differences }: Failure): string {
  const where = `${test.where} ${test.mnemonic} [${test.input.code}] "${test.text}"`;
  return `${where}\n    ${test.line}\n    ${differences.slice(0, 6).join('; ')}`;
}
