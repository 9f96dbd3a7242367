/** What `compare` has found, as text or for JSON. */

import {
  type ComparedRun,
  type Comparison,
  type Difference,
  type Divergence,
  EXIT_NUMBERS,
  type ExitCount,
  type RunOutcome,
  type SymbolTable,
} from '../index.ts';
import { exitName } from './exit-name.ts';

/** Kinds of exits that a table names. */
const MOST_EXITS = 6;

export function formatComparison({ bare, runs }: Comparison, symbols: SymbolTable): string {
  const rows = [
    ['', 'same', 'output', 'end', 'memory', 'instructions', 'direct', 'slowdown', 'ended'],
    ['bare', '', '', '', '', String(bare.instructions), '', '', bare.ended],
    ...runs.map(rowOf),
  ];
  const details = runs.flatMap((run) => detailsOf(run, symbols));
  return `${[...table(rows, [5, 6, 7]), ...details].join('\n')}\n`;
}

/** Lines with the cells below each other; `numbers` are the columns of numbers. */
export function table(rows: readonly (readonly string[])[], numbers: readonly number[]): string[] {
  const widths = rows[0]?.map((_, n) => Math.max(...rows.map((row) => row[n]?.length ?? 0))) ?? [];
  return rows.map((row) =>
    row
      .map((cell, n) =>
        numbers.includes(n) ? cell.padStart(widths[n] ?? 0) : cell.padEnd(widths[n] ?? 0),
      )
      .join('  ')
      .trimEnd(),
  );
}

function rowOf(run: ComparedRun): string[] {
  const { cpu, same, divergence, instructions, directShare, slowdown, ended } = run;
  const word = (is: boolean): string => (is ? 'same' : 'differs');
  return [
    cpu,
    divergence === undefined ? 'yes' : 'no',
    word(same.output),
    word(same.end),
    word(same.memory),
    String(instructions),
    `${(directShare * 100).toFixed(2)}%`,
    Number.isFinite(slowdown) ? `${slowdown.toFixed(2)}x` : '-',
    ended,
  ];
}

function detailsOf(run: ComparedRun, symbols: SymbolTable): string[] {
  const { cpu, divergence, hidden, exits } = run;
  const lines = ['', exitsLine(cpu, exits)];
  if (hidden !== undefined) {
    lines.push(`${cpu}: first hidden difference, not seen by the guest at once:`);
    lines.push(...place(hidden, cpu, symbols));
  }
  if (divergence === undefined) return lines;
  return [...lines, `${cpu}: first difference:`, ...place(divergence, cpu, symbols)];
}

/** The most frequent exits of a run. */
export function exitsLine(run: string, exits: readonly ExitCount[]): string {
  const all = exits.reduce((sum, { count }) => sum + count, 0);
  const shown = exits.slice(0, MOST_EXITS).map((exit) => `${exitName(exit)} ${exit.count}`);
  const rest = exits.length > MOST_EXITS ? ', ...' : '';
  return `${run}: ${all} exits${all === 0 ? '' : `: ${shown.join(', ')}${rest}`}`;
}

function place(found: Divergence, cpu: string, symbols: SymbolTable): string[] {
  const { isFound, differences } = found;
  return [
    placeOf(found, symbols),
    ...(isFound ? [] : ['  (it was not there when that part was run again)']),
    ...differences.map((one) => `  ${describe(one, cpu, symbols)}`),
  ];
}

/** The instruction after which there is a difference. */
export function placeOf(
  { instruction, instructions }: Pick<Divergence, 'instruction' | 'instructions'>,
  symbols: SymbolTable,
): string {
  const { rip, cpl, bytes, text } = instruction;
  const name = symbols.name(rip);
  const hex = Buffer.from(bytes).toString('hex');
  const at = `${name === undefined ? '' : `${name} `}0x${rip.toString(16)}`;
  return `  after instruction ${instructions + 1n} at ${at} (CPL ${cpl}): ${text}  [${hex}]`;
}

function describe(
  { kind, name, address, bare, other }: Difference,
  cpu: string,
  symbols: SymbolTable,
): string {
  return `${subject(kind, name, address, symbols)}: bare ${value(bare)}, ${cpu} ${value(other)}`;
}

export function subject(
  kind: string,
  name: string,
  address: number | undefined,
  symbols: SymbolTable,
): string {
  if (address === undefined) return name;
  if (kind === 'output') return `byte ${address} on ${name}`;
  const symbol = symbols.name(BigInt(address));
  return `memory 0x${address.toString(16)}${symbol === undefined ? '' : ` (${symbol})`}`;
}

export function value(one: bigint | string | undefined): string {
  if (one === undefined) return 'nothing';
  return typeof one === 'bigint' ? `0x${one.toString(16)}` : one;
}

/** All of it, with bytes as hexadecimal. */
export function jsonComparison({ bare, runs }: Comparison, symbols: SymbolTable): unknown {
  return { bare: outcome(bare), runs: runs.map((run) => jsonRun(run, symbols)) };
}

function outcome(run: RunOutcome): object {
  const { cpu, end, ended, instructions, time, com1, console, hostMs } = run;
  const [serial, port] = [com1, console].map((bytes) => Buffer.from(bytes).toString('latin1'));
  return {
    ...{ cpu, end, ended, instructions: Number(instructions), virtualNs: Number(time) },
    ...{ com1: serial, console: port, hostMs },
  };
}

function jsonRun(run: ComparedRun, symbols: SymbolTable): object {
  const { same, exits, directShare, slowdown, divergence, hidden } = run;
  return {
    ...outcome(run),
    ...{ same, directShare, slowdown },
    exits: exits.map((count) => ({ ...count, number: EXIT_NUMBERS[count.reason] })),
    divergence: divergence ? jsonPlace(divergence, symbols) : null,
    hidden: hidden ? jsonPlace(hidden, symbols) : null,
  };
}

function jsonPlace(found: Divergence, symbols: SymbolTable): object {
  const { instruction, instructions, time, isFound, differences } = found;
  return {
    ...{ instructions: Number(instructions), virtualNs: Number(time), isFound, differences },
    instruction: {
      ...instruction,
      symbol: symbols.name(instruction.rip) ?? null,
      bytes: Buffer.from(instruction.bytes).toString('hex'),
    },
  };
}
