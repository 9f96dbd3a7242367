/** `trapline isa`: the instruction table, or the table of VM-entry checks. */

import { ENTRY_CHECKS, type EntryCheck, type Insn, ROWS } from '../../index.ts';
import { type Command, JSON_OPTION, type OptionValues } from '../command.ts';
import { print, printJson } from '../output.ts';
import { STATUS_OK } from '../status.ts';

const OPTIONS = {
  'vmx-checks': {
    type: 'boolean',
    default: false,
    describe: 'what VM entry asks for, in the order in which the processor checks it',
  },
  ...JSON_OPTION,
} as const;

export const command: Command<OptionValues<typeof OPTIONS>> = {
  build: (yargs) =>
    yargs
      .options(OPTIONS)
      .example('$0 --json', 'the table for another program')
      .example('$0 --vmx-checks', 'the checks of VM entry'),
  run: ({ json, 'vmx-checks': vmxChecks }) => {
    if (vmxChecks) printChecks(json);
    else if (json) printJson(ROWS.map(plain));
    else print(formatTable([HEAD, ...ROWS.map(columns)]));
    return STATUS_OK;
  },
};

function printChecks(json: boolean): void {
  if (json) printJson(ENTRY_CHECKS.map(plainCheck));
  else print(ENTRY_CHECKS.map(checkText).join(''));
}

/** A row of three or four lines, with a heading where a section of the manual begins. */
function checkText(check: EntryCheck, n: number): string {
  const isNew = check.section !== ENTRY_CHECKS[n - 1]?.section;
  const heading = isNew ? `${n === 0 ? '' : '\n'}SDM 3C ${check.section}\n` : '';
  const lines = [
    check.sentence,
    `fields: ${check.fields.join(' ')}`,
    `to satisfy: ${check.satisfy}`,
  ];
  if (check.fields.length === 0) lines.splice(1, 1);
  return `${heading}\n${check.id}: ${check.title}\n${lines.map((line) => `  ${line}\n`).join('')}`;
}

function plainCheck(check: EntryCheck): unknown {
  const { number, id, group, section, title, fields, when, holds, sentence, satisfy } = check;
  return { number, id, group, section, title, fields, when, holds, sentence, satisfy };
}

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

function formatTable(all: readonly (readonly string[])[]): string {
  const widths = HEAD.map((_, n) => Math.max(...all.map((cells) => cells[n]?.length ?? 0)));
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, n) => cell.padEnd(widths[n] ?? 0))
      .join('  ')
      .trimEnd();
  return `${all.map(line).join('\n')}\n`;
}
