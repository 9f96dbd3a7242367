/** What a command's module exports, and the options that several commands share. */

import type { ArgumentsCamelCase, Argv, InferredOptionTypes, Options } from 'yargs';

/** One command. `run` returns the exit status. */
export interface Command<T> {
  readonly build: (yargs: Argv) => Argv<T>;
  readonly run: (args: ArgumentsCamelCase<T>) => number | Promise<number>;
}

/** The types of arguments that a table of options gives. */
export type OptionValues<T extends Readonly<Record<string, Options>>> = InferredOptionTypes<T>;

export const SOURCE_OPTIONS = {
  D: {
    alias: 'define',
    type: 'string',
    array: true,
    requiresArg: true,
    describe: 'define a macro for .asm sources: NAME or NAME=VALUE',
  },
  I: {
    alias: 'include',
    type: 'string',
    array: true,
    requiresArg: true,
    describe: 'look for included files in this directory too',
  },
} as const satisfies Record<string, Options>;

export const JSON_OPTION = {
  json: { type: 'boolean', default: false, describe: 'report as JSON' },
} as const satisfies Record<string, Options>;
