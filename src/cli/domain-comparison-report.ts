/** What `compare` has found of a PV kernel, as text or for JSON. */

import {
  type DomainComparison,
  type DomainDifference,
  type DomainDivergence,
  type DomainOutcome,
  EXIT_NUMBERS,
  type SymbolTable,
} from '../index.ts';
import { exitsLine, placeOf, subject, table, value } from './comparison-report.ts';

export function formatDomains(comparison: DomainComparison, symbols: SymbolTable): string {
  const { direct, shadow, same, divergence } = comparison;
  const word = (is: boolean): string => (is ? 'same' : 'differs');
  const rows = [
    ['', 'same', 'output', 'end', 'memory', 'instructions', 'ended'],
    ['direct', '', '', '', '', String(direct.instructions), direct.ended],
    [
      'shadow',
      divergence === undefined ? 'yes' : 'no',
      word(same.output),
      word(same.end),
      word(same.memory),
      String(shadow.instructions),
      shadow.ended,
    ],
  ];
  const lines = [
    ...table(rows, [5]),
    '',
    exitsLine('direct', direct.exits),
    exitsLine('shadow', shadow.exits),
  ];
  if (divergence !== undefined) lines.push('', 'they part:', ...partOf(divergence, symbols));
  return `${lines.join('\n')}\n`;
}

function partOf(found: DomainDivergence, symbols: SymbolTable): string[] {
  return [
    placeOf(found, symbols),
    ...found.differences.map((one) => `  ${describe(one, symbols)}`),
  ];
}

function describe(
  { kind, name, address, direct, shadow }: DomainDifference,
  symbols: SymbolTable,
): string {
  return `${subject(kind, name, address, symbols)}: direct ${value(direct)}, shadow ${value(shadow)}`;
}

/** All of it, with bytes as hexadecimal. */
export function jsonDomains(comparison: DomainComparison, symbols: SymbolTable): unknown {
  const { direct, shadow, same, divergence } = comparison;
  return {
    direct: outcome(direct),
    shadow: outcome(shadow),
    same,
    divergence: divergence ? jsonPart(divergence, symbols) : null,
  };
}

function outcome({ com1, console, exits, instructions, time, ...rest }: DomainOutcome): object {
  const [serial, port] = [com1, console].map((bytes) => Buffer.from(bytes).toString('latin1'));
  return {
    ...rest,
    ...{ instructions: Number(instructions), virtualNs: Number(time) },
    ...{ com1: serial, console: port },
    exits: exits.map((count) => ({ ...count, number: EXIT_NUMBERS[count.reason] })),
  };
}

function jsonPart(found: DomainDivergence, symbols: SymbolTable): object {
  const { instruction, instructions, time, differences } = found;
  return {
    ...{ instructions: Number(instructions), virtualNs: Number(time), differences },
    instruction: {
      ...instruction,
      symbol: symbols.name(instruction.rip) ?? null,
      bytes: Buffer.from(instruction.bytes).toString('hex'),
    },
  };
}
