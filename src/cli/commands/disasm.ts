/** `trapline disasm`: a flat binary or the code of an ELF file as source that assembles back to the same bytes. */

import type { Options } from 'yargs';
import {
  disassemble,
  disassembleParts,
  elfCode,
  formatDisassembly,
  formatSections,
  instructionSet,
  isElf,
  type Line,
  ROWS,
  readElf,
  type SectionLines,
  SymbolTable,
} from '../../index.ts';
import { attributed, readBytes, readSymbols } from '../../node/index.ts';
import { type Command, JSON_OPTION, type OptionValues } from '../command.ts';
import { print, printJson } from '../output.ts';
import { STATUS_OK } from '../status.ts';
import { UsageError } from '../usage-error.ts';
import { parseAddress, required } from '../values.ts';

const OPTIONS = {
  origin: {
    type: 'string',
    requiresArg: true,
    describe: 'address of the first byte of a flat binary (default: 0)',
  },
  bits: {
    type: 'string',
    choices: ['16', '32', '64'],
    requiresArg: true,
    describe: 'code size (default: 64, or that of the ELF file)',
  },
  symbols: {
    type: 'string',
    requiresArg: true,
    describe: 'symbols for labels: an ELF file, or the output of nm',
  },
  ...JSON_OPTION,
} as const satisfies Record<string, Options>;

const MODES = { '16': 16, '32': 32, '64': 64 } as const;
type Mode = (typeof MODES)[keyof typeof MODES];

type Values = OptionValues<typeof OPTIONS> & { file: string | undefined };

export const command: Command<Values> = {
  build: (yargs) =>
    yargs
      .positional('file', { type: 'string', describe: 'flat binary or ELF file' })
      .options(OPTIONS)
      .example('$0 hello.bin --origin 0x100000', 'disassemble a flat kernel')
      .example('$0 kernel.elf', 'disassemble the executable sections of a kernel'),
  run: ({ file: given, origin, bits, symbols, json }) => {
    const file = required(given, 'a flat binary or an ELF file');
    const bytes = readBytes(file);
    const mode = bits === undefined ? undefined : MODES[bits as keyof typeof MODES];
    const table = symbols === undefined ? undefined : readSymbols(symbols);
    if (!isElf(bytes)) showFlat(bytes, mode ?? 64, origin ?? '0', table, json);
    else if (origin === undefined) showElf(file, bytes, mode, table, json);
    else throw new UsageError('--origin is for flat binaries; an ELF file has addresses');
    return STATUS_OK;
  },
};

function showFlat(
  bytes: Uint8Array,
  mode: Mode,
  origin: string,
  table = new SymbolTable([]),
  json: boolean,
): void {
  const options = { mode, origin: parseAddress('origin', origin), symbols: table.labels() };
  const lines = disassemble(bytes, instructionSet(ROWS), options);
  if (json) printJson(lines.map(plain));
  else print(formatDisassembly(lines, options));
}

function showElf(
  file: string,
  bytes: Uint8Array,
  bits: Mode | undefined,
  table: SymbolTable | undefined,
  json: boolean,
): void {
  const elf = attributed(file, () => readElf(bytes));
  const mode = bits ?? elf.codeBits;
  const set = instructionSet(ROWS);
  const sections = attributed(file, () => elfCode(elf)).flatMap(({ parts, symbols: own }) => {
    const symbols = (table ?? own).labels();
    const lines = disassembleParts(parts, set, { mode, symbols });
    return parts.map(({ name, origin }, n): SectionLines => {
      return { name, origin, lines: lines[n] ?? [] };
    });
  });
  if (json) printJson(sections.map(({ name, lines }) => ({ name, lines: lines.map(plain) })));
  else print(formatSections(sections, mode));
}

function plain({ address, bytes, label, text, comment }: Line): unknown {
  return { address, bytes: Buffer.from(bytes).toString('hex'), label, text, comment };
}
