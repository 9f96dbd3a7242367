/** `trapline asm`: assembles a source into a flat binary or an object file. */

import { basename, extname, resolve } from 'node:path';
import type { Options } from 'yargs';
import { type Assembly, type FormatName, formatDiagnostic } from '../../index.ts';
import { assembleFile, writeFiles } from '../../node/index.ts';
import { type Command, JSON_OPTION, type OptionValues, SOURCE_OPTIONS } from '../command.ts';
import { note, printJson } from '../output.ts';
import { STATUS_OK } from '../status.ts';
import { UsageError } from '../usage-error.ts';
import { parseDefines, required } from '../values.ts';

const OPTIONS = {
  o: {
    alias: 'output',
    type: 'string',
    requiresArg: true,
    describe: 'output file (default: FILE.bin or FILE.o)',
  },
  f: {
    alias: 'format',
    choices: ['bin', 'elf32', 'elf64'],
    default: 'bin',
    describe: 'output format',
  },
  g: { type: 'boolean', describe: 'debug information in the object' },
  F: {
    alias: 'debug-format',
    choices: ['dwarf'],
    describe: 'format of debug information (implies -g)',
  },
  l: { alias: 'listing', type: 'string', requiresArg: true, describe: 'write a listing' },
  ...SOURCE_OPTIONS,
  U: {
    alias: 'undefine',
    type: 'string',
    array: true,
    requiresArg: true,
    describe: 'undefine a macro that is predefined or defined by -D',
  },
  P: {
    alias: 'pre-include',
    type: 'string',
    array: true,
    requiresArg: true,
    describe: 'include this file before the source',
  },
  w: {
    alias: ['warning', 'W'],
    type: 'string',
    array: true,
    requiresArg: true,
    describe: 'show (+NAME) or hide (-NAME) warnings, or take them for errors (+error=NAME)',
  },
  ...JSON_OPTION,
} as const satisfies Record<string, Options>;

type Values = OptionValues<typeof OPTIONS> & { file: string | undefined };

export const command: Command<Values> = {
  build: (yargs) =>
    yargs
      .positional('file', { type: 'string', describe: 'source in NASM syntax' })
      .options(OPTIONS)
      .example('$0 hello.asm -o hello.bin -l hello.lst', 'assemble, with a listing'),
  run: ({ file: given, o, f, g, F, l, D, I, U, P, w, json }) => {
    const file = required(given, 'a source file');
    const format = f as FormatName;
    const defines = parseDefines(D);
    if (F !== undefined && format === 'bin') {
      throw new UsageError(`there is no debug format ${F} for output format bin`);
    }
    const assembly = assembleFile(file, {
      defines,
      includeDirs: I ?? [],
      format,
      environment: process.env,
      undefines: U ?? [],
      preIncludes: P ?? [],
      warnings: w ?? [],
      ...(g || F ? { debug: 'dwarf' } : {}),
    });
    const output = o ?? defaultOutput(file, format === 'bin' ? '.bin' : '.o');
    for (const path of l === undefined ? [output] : [output, l]) {
      if (resolve(path) === resolve(file)) throw new UsageError(`${path} is both input and output`);
    }
    if (l !== undefined && resolve(l) === resolve(output))
      throw new UsageError('listing and output are the same file');
    for (const warning of assembly.warnings) note(formatDiagnostic(warning));
    const listing = l === undefined ? [] : [{ path: l, data: assembly.listing() }];
    writeFiles([{ path: output, data: assembly.bytes }, ...listing]);
    if (json) printJson(report(assembly, output));
    return STATUS_OK;
  },
};

function defaultOutput(file: string, suffix: string): string {
  const extension = extname(file);
  return (extension === suffix ? file : basename(file, extension)) + suffix;
}

function report({ bytes, origin, symbols, warnings }: Assembly, output: string): unknown {
  const table = [...symbols].map(([name, { value, section }]) => [name, { value, section }]);
  return { output, size: bytes.length, origin, symbols: Object.fromEntries(table), warnings };
}
