/**
 * Makes test/vectors/*.ins anew: plans cases from the instruction table, runs them on the
 * processor at hand and writes what it did.
 *
 * Usage: capture HARNESS DIRECTORY
 */

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Insn } from '../../src/isa/row.ts';
import { ROWS } from '../../src/isa/table.ts';
import { type CaseInput, FLAGS_COMPARED, type Outcome, printCase } from '../vectors/format.ts';
import { fileOf } from './files.ts';
import { invalidOpcodes, longInstructions, splitFetches, splitInvalid } from './odd.ts';
import { type Groups, isCaptured, type Planned, planOperation } from './plan.ts';
import { runOnProcessor } from './processor.ts';
import { disassemble } from './text.ts';
import { undefinedParts } from './undefined.ts';

interface Section {
  readonly mnemonic: string;
  readonly file: string;
  readonly groups: Groups;
}

function sections(): Section[] {
  const operations = new Map<string, Insn[]>();
  for (const row of ROWS.filter(isCaptured)) {
    const key = `${row.mnemonic} ${row.uop}`;
    operations.set(key, [...(operations.get(key) ?? []), row]);
  }
  const captured = [...operations.values()].map((rows) => {
    return { mnemonic: rows[0]!.mnemonic, file: fileOf(rows[0]!), groups: planOperation(rows) };
  });
  return [
    ...captured,
    { mnemonic: 'invalid', file: 'fetch', groups: invalidOpcodes() },
    { mnemonic: 'length', file: 'fetch', groups: longInstructions() },
    { mnemonic: 'page-end', file: 'fetch', groups: splitFetches() },
    { mnemonic: 'invalid-page-end', file: 'fetch', groups: splitInvalid() },
  ];
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
  return (regs.rflags! & ~FLAGS_COMPARED) === 0n;
}

function caseLine({ row, input }: Planned, outcome: Outcome): string | undefined {
  if (!isUsable(row, outcome)) return undefined;
  const unknown = row ? undefinedParts(row, input, outcome) : undefined;
  if (unknown?.result) return undefined;
  return printCase({ input, expected: outcome, undefinedFlags: unknown?.flags ?? 0n });
}

function printGroup(code: string, text: string, lines: ReadonlySet<string>): string[] {
  return lines.size === 0 ? [] : [`[${code}] "${text}"`, ...lines];
}

function main(harness: string, directory: string): void {
  const all = sections();
  const planned = all.flatMap(({ groups }) => [...groups.values()].flat());
  const outcomes = runOnProcessor(
    harness,
    planned.map(({ input }): CaseInput => input),
  );
  const texts = disassemble([...new Set(all.flatMap(({ groups }) => [...groups.keys()]))]);
  const processor = processorName();
  const files = new Map<string, string[]>();
  let next = 0;
  let count = 0;
  for (const { mnemonic, file, groups } of all) {
    const lines: string[] = [];
    let cases = 0;
    for (const [code, group] of groups) {
      const unique = new Set(group.flatMap((item) => caseLine(item, outcomes[next++]!) ?? []));
      lines.push(...printGroup(code, texts.get(code)!, unique));
      cases += unique.size;
    }
    files.set(file, [
      ...(files.get(file) ?? []),
      `hw: ${processor}, CPL 3: ${mnemonic}`,
      ...lines,
      '',
    ]);
    count += cases;
    if (cases < 200) process.stderr.write(`${mnemonic}: ${cases} cases\n`);
  }
  for (const [name, lines] of files)
    writeFileSync(join(directory, `${name}.ins`), lines.join('\n'));
  process.stderr.write(`${count} cases in ${files.size} files, ${planned.length} planned\n`);
}

const [harness, directory] = process.argv.slice(2);
if (!harness || !directory) throw new Error('usage: capture HARNESS DIRECTORY');
main(harness, directory);
