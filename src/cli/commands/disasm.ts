/** `trapline disasm`: a flat binary as source that assembles back to the same bytes. */

import type { Options } from 'yargs';
import { disassemble, formatDisassembly, instructionSet, type Line, ROWS } from '../../index.ts';
import { readBytes } from '../../node/index.ts';
import { type Command, JSON_OPTION, type OptionValues } from '../command.ts';
import { print, printJson } from '../output.ts';
import { STATUS_OK } from '../status.ts';
import { parseAddress, required } from '../values.ts';

const OPTIONS = {
  origin: {
    type: 'string',
    default: '0',
    requiresArg: true,
    describe: 'address of the first byte',
  },
  bits: {
    type: 'string',
    choices: ['16', '32', '64'],
    default: '64',
    requiresArg: true,
    describe: 'code size',
  },
  ...JSON_OPTION,
} as const satisfies Record<string, Options>;

const MODES = { '16': 16, '32': 32, '64': 64 } as const;

type Values = OptionValues<typeof OPTIONS> & { file: string | undefined };

export const command: Command<Values> = {
  build: (yargs) =>
    yargs
      .positional('file', { type: 'string', describe: 'flat binary' })
      .options(OPTIONS)
      .example('$0 hello.bin --origin 0x100000', 'disassemble a kernel'),
  run: ({ file, origin, bits, json }) => {
    const bytes = readBytes(required(file, 'a flat binary'));
    const mode = MODES[bits as '16' | '32' | '64'];
    const options = { mode, origin: parseAddress('origin', origin) } as const;
    const lines = disassemble(bytes, instructionSet(ROWS), options);
    if (json) printJson(lines.map(plain));
    else print(formatDisassembly(lines, options));
    return STATUS_OK;
  },
};

function plain({ address, bytes, text, comment }: Line): unknown {
  return { address, bytes: Buffer.from(bytes).toString('hex'), text, comment };
}
