/** `trapline isa`: the instruction table. */

import { type Insn, ROWS } from '../../index.ts';
import { type Command, JSON_OPTION, type OptionValues } from '../command.ts';
import { print, printJson } from '../output.ts';
import { STATUS_OK } from '../status.ts';

export const command: Command<OptionValues<typeof JSON_OPTION>> = {
  build: (yargs) =>
    yargs.options(JSON_OPTION).example('$0 --json', 'the table for another program'),
  run: ({ json }) => {
    if (json) printJson(ROWS.map(plain));
    else print(formatTable(ROWS.map(columns)));
    return STATUS_OK;
  },
};

const HEAD = ['instruction', 'encoding', 'privilege', 'flags', 'modes', 'feature'] as const;

function columns(row: Insn): readonly string[] {
  const text = `${row.mnemonic} ${row.operandText}`.trim();
  const alias = row.alias ? ' (alias)' : '';
  return [
    text + alias,
    row.opcodeText,
    row.priv ?? 'never',
    row.flags ?? '',
    row.modes ?? 'any',
    row.feature ?? '',
  ];
}

function plain(row: Insn): unknown {
  const { mnemonic, operandText, opcodeText, priv = 'never', flags = '', modes = 'any' } = row;
  const { feature, touches = [], exit, lock = false, rep, alias = false, decodeOnly, sdm } = row;
  const text = `${mnemonic} ${operandText}`.trim();
  const operands = operandText === '' ? [] : operandText.split(', ');
  const facts = { mnemonic, operands, privilege: priv, flags, modes, feature, lock, rep, touches };
  return { text, encoding: opcodeText, ...facts, exit, alias, decodeOnly, sdm };
}

function formatTable(rows: readonly (readonly string[])[]): string {
  const all = [HEAD, ...rows];
  const widths = HEAD.map((_, n) => Math.max(...all.map((cells) => cells[n]?.length ?? 0)));
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, n) => cell.padEnd(widths[n] ?? 0))
      .join('  ')
      .trimEnd();
  return `${all.map(line).join('\n')}\n`;
}
