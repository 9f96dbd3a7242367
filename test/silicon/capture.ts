/**
 * Makes test/vectors/*.ins anew: plans cases from the instruction table, runs them on the
 * processor at hand and writes what it did. 64-bit code goes to arith.ins and so on, code of 32 and
 * 16 bits to arith32.ins and so on.
 *
 * Usage: capture HARNESS DIRECTORY [long|legacy]
 */

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Insn } from '../../src/isa/row.ts';
import { ROWS } from '../../src/isa/table.ts';
import {
  type Bits,
  type CaseInput,
  FLAGS_COMPARED,
  type Outcome,
  printCase,
} from '../vectors/format.ts';
import { CROSSING, planCrossing } from './crossing.ts';
import { fileOf } from './files.ts';
import { isCapturedLegacy, planLegacyOperation } from './legacy-plan.ts';
import { invalidOpcodes, longInstructions, splitFetches, splitInvalid } from './odd.ts';
import { type Groups, isCaptured, type Planned, planOperation } from './plan.ts';
import { runOnProcessor } from './processor.ts';
import { disassemble } from './text.ts';
import { undefinedParts } from './undefined.ts';

interface Section {
  readonly mnemonic: string;
  readonly bits: Bits;
  readonly file: string;
  readonly groups: Groups;
}

/** The rows of each operation of a mnemonic. */
function operations(rows: readonly Insn[]): Insn[][] {
  const found = new Map<string, Insn[]>();
  for (const row of rows) {
    const key = `${row.mnemonic} ${row.uop}`;
    found.set(key, [...(found.get(key) ?? []), row]);
  }
  return [...found.values()];
}

function longSections(): Section[] {
  const section = (mnemonic: string, file: string, groups: Groups): Section => {
    return { mnemonic, bits: 64, file, groups };
  };
  return [
    ...operations(ROWS.filter(isCaptured)).map((rows) =>
      section(rows[0]!.mnemonic, fileOf(rows[0]!), planOperation(rows)),
    ),
    section('invalid', 'fetch', invalidOpcodes()),
    section('length', 'fetch', longInstructions()),
    section('page-end', 'fetch', splitFetches()),
    section('invalid-page-end', 'fetch', splitInvalid()),
  ];
}

/** Transfers from 64-bit code to code and stacks of 32 and 16 bits stand with the transfers of the latter. */
function crossingSections(): Section[] {
  return operations(ROWS.filter(({ uop, alias }) => !alias && CROSSING.has(uop))).flatMap(
    (rows) => {
      const longRows = rows.filter(({ modes }) => modes !== 'legacy');
      if (longRows.length === 0) return [];
      const groups = planCrossing(longRows);
      return [{ mnemonic: rows[0]!.mnemonic, bits: 64 as const, file: 'branch32', groups }];
    },
  );
}

function legacySections(): Section[] {
  const captured = operations(ROWS.filter(isCapturedLegacy));
  return ([32, 16] as const).flatMap((bits) =>
    captured.map((rows) => {
      const file = `${fileOf(rows[0]!)}32`;
      return { mnemonic: rows[0]!.mnemonic, bits, file, groups: planLegacyOperation(rows, bits) };
    }),
  );
}

/** `06_55H stepping 7`, as the manual names processors. */
function processorName(): string {
  const info = readFileSync('/proc/cpuinfo', 'utf8');
  const field = (name: string) => Number(new RegExp(`^${name}\\s*: (\\d+)`, 'm').exec(info)?.[1]);
  const hex = (value: number) => value.toString(16).toUpperCase().padStart(2, '0');
  const vendor = /^vendor_id\s*: (\S+)/m.exec(info)?.[1];
  const model = `${hex(field('cpu family'))}_${hex(field('model'))}H`;
  return `${vendor} ${model} stepping ${field('stepping')}`;
}

const TRAPS = new Set(['#DB', '#BP', '#OF']);
/** They read several stack slots, in an order of their own when one of them faults. */
const FRAME_READERS = new Set(['retFar', 'iret']);
/** Processors differ in how much of their operand these access, and in what they have done by a fault. */
const PARTIAL = new Set(['popa', 'arpl', 'pushSreg', 'popSreg']);
/** From here on Linux hides in the error code whether a page is present. */
const HIDDEN = 0x7ffffffff000n;

/**
 * A fault that leaves memory changed shows how far the processor had got, which the manual does not
 * say; strings are the exception. RFLAGS bits that no line can name must not be set.
 */
function isUsable(row: Insn | undefined, outcome: Outcome): boolean {
  const { trap, memory, regs } = outcome;
  const fault = trap !== null && !TRAPS.has(trap.name);
  if (fault && memory.length > 0 && !row?.rep) return false;
  if (trap && trap.cr2 !== null && trap.cr2 >= HIDDEN) return false;
  if (trap?.name === '#PF' && row && FRAME_READERS.has(row.uop)) return false;
  if (fault && row && PARTIAL.has(row.uop) && /PF|SS/.test(trap.name)) return false;
  return (regs.rflags! & ~FLAGS_COMPARED) === 0n;
}

function caseLine({ row, input }: Planned, outcome: Outcome): string | undefined {
  if (!isUsable(row, outcome)) return undefined;
  const unknown = row ? undefinedParts(row, input, outcome) : undefined;
  if (unknown?.result) return undefined;
  return printCase({ input, expected: outcome, undefinedFlags: unknown?.flags ?? 0n });
}

function printGroup(code: string, text: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : [`[${code}] "${text}"`, ...lines];
}

function main(harness: string, directory: string, which: string | undefined): void {
  const all = [
    ...(which === 'legacy' ? [] : longSections()),
    ...(which === 'long' ? [] : [...crossingSections(), ...legacySections()]),
  ];
  const planned = all.flatMap(({ groups }) => [...groups.values()].flat());
  const outcomes = runOnProcessor(
    harness,
    planned.map(({ input }): CaseInput => input),
  );
  const texts = new Map(([64, 32, 16] as const).map((bits) => [bits, textsOf(all, bits)]));
  const processor = processorName();
  const files = new Map<string, Lines>();
  let next = 0;
  let count = 0;
  for (const { mnemonic, bits, file, groups } of all) {
    const lines: string[] = [];
    const uniques: [string, Set<string>][] = [];
    let cases = 0;
    for (const [code, group] of groups) {
      const unique = new Set(group.flatMap((item) => caseLine(item, outcomes[next++]!) ?? []));
      uniques.push([code, unique]);
    }
    const total = uniques.reduce((sum, [, unique]) => sum + unique.size, 0);
    const share = Math.min(1, LIMITS[bits] / total);
    for (const [code, unique] of uniques) {
      const kept = [...unique].slice(0, Math.ceil(unique.size * share));
      lines.push(...printGroup(code, texts.get(bits)!.get(code)!, kept));
      cases += kept.length;
    }
    const before = files.get(file) ?? { mode: 'bits 64', lines: [] };
    const mode = `bits ${bits}${file.endsWith('32') ? ' ldt' : ''}`;
    const switches = before.mode === mode ? [] : [mode];
    const head = `hw: ${processor}, CPL 3: ${mnemonic}`;
    files.set(file, { mode, lines: [...before.lines, ...switches, head, ...lines, ''] });
    count += cases;
    if (cases < 200 && bits !== 16) process.stderr.write(`${mnemonic}: ${cases} cases\n`);
  }
  for (const [name, { lines }] of files)
    writeFileSync(join(directory, `${name}.ins`), lines.join('\n'));
  process.stderr.write(`${count} cases in ${files.size} files, ${planned.length} planned\n`);
}

/** Cases of an operation that are kept, about. */
const LIMITS: Readonly<Record<Bits, number>> = { 64: 1000, 32: 202, 16: 20 };

interface Lines {
  /** `bits` line in force at their end. */
  readonly mode: string;
  readonly lines: readonly string[];
}

function textsOf(all: readonly Section[], bits: Bits): Map<string, string> {
  const codes = all.flatMap((section) => (section.bits === bits ? [...section.groups.keys()] : []));
  return disassemble([...new Set(codes)], bits);
}

const [harness, directory, which] = process.argv.slice(2);
if (!harness || !directory) throw new Error('usage: capture HARNESS DIRECTORY [long|legacy]');
main(harness, directory, which);
