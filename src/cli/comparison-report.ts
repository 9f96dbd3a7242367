/** What `compare` has found, as text or for JSON. */

import {
  type ComparedRun,
  type Comparison,
  type Difference,
  type Divergence,
  EXIT_NUMBERS,
  type RunOutcome,
  type SymbolTable,
} from '../index.ts';

/** Kinds of exits that a table names. */
const MOST_EXITS = 6;

export function formatComparison({ bare, runs }: Comparison, symbols: SymbolTable): string {
  const rows = [
    ['', 'same', 'output', 'end', 'memory', 'instructions', 'direct', 'slowdown', 'ended'],
    ['bare', '', '', '', '', String(bare.instructions), '', '', bare.ended],
    ...runs.map(rowOf),
  ];
  const widths = rows[0]?.map((_, n) => Math.max(...rows.map((row) => row[n]?.length ?? 0))) ?? [];
  const table = rows.map((row) =>
    row
      .map((cell, n) =>
        n >= 5 && n <= 7 ? cell.padStart(widths[n] ?? 0) : cell.padEnd(widths[n] ?? 0),
      )
      .join('  ')
      .trimEnd(),
  );
  const details = runs.flatMap((run) => detailsOf(run, symbols));
  return `${[...table, ...details].join('\n')}\n`;
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
  const all = exits.reduce((sum, { count }) => sum + count, 0);
  const shown = exits.slice(0, MOST_EXITS).map(({ reason, count }) => `${reason} ${count}`);
  const rest = exits.length > MOST_EXITS ? ', ...' : '';
  const lines = ['', `${cpu}: ${all} exits${all === 0 ? '' : `: ${shown.join(', ')}${rest}`}`];
  if (hidden !== undefined) {
    lines.push(`${cpu}: first hidden difference, not seen by the guest at once:`);
    lines.push(...place(hidden, cpu, symbols));
  }
  if (divergence === undefined) return lines;
  return [...lines, `${cpu}: first difference:`, ...place(divergence, cpu, symbols)];
}

function place(found: Divergence, cpu: string, symbols: SymbolTable): string[] {
  const { instruction, instructions, isFound, differences } = found;
  const { rip, cpl, bytes, text } = instruction;
  const name = symbols.name(rip);
  const hex = Buffer.from(bytes).toString('hex');
  const at = `${name === undefined ? '' : `${name} `}0x${rip.toString(16)}`;
  return [
    `  after instruction ${instructions + 1n} at ${at} (CPL ${cpl}): ${text}  [${hex}]`,
    ...(isFound ? [] : ['  (it was not there when that part was run again)']),
    ...differences.map((one) => `  ${describe(one, cpu, symbols)}`),
  ];
}

function describe(
  { kind, name, address, bare, other }: Difference,
  cpu: string,
  symbols: SymbolTable,
): string {
  return `${subject(kind, name, address, symbols)}: bare ${value(bare)}, ${cpu} ${value(other)}`;
}

function subject(
  kind: Difference['kind'],
  name: string,
  address: number | undefined,
  symbols: SymbolTable,
): string {
  if (address === undefined) return name;
  if (kind === 'output') return `byte ${address} on ${name}`;
  const symbol = symbols.name(BigInt(address));
  return `memory 0x${address.toString(16)}${symbol === undefined ? '' : ` (${symbol})`}`;
}

function value(one: bigint | string | undefined): string {
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
