/** The command line. A command's module is loaded when it is called, so that start-up stays light. */

import { parse } from './parser.ts';
import { STATUS_USAGE } from './status.ts';

/** Carries out the command that `args` name, and sets the exit status. */
export async function main(args: readonly string[]): Promise<void> {
  process.stdout.on('error', leave);
  process.stderr.on('error', () => {}); // there is nowhere to tell it; the status stays what it is
  try {
    process.exitCode = await parse(args);
  } catch (error) {
    const { reportFailure } = await import('./failure.ts');
    process.exitCode = reportFailure(error);
  }
}

/** Stdout cannot be written. */
function leave(error: NodeJS.ErrnoException): never {
  if (error.code === 'EPIPE') process.exit(); // whoever read our output is gone
  process.stderr.write(`trapline: stdout: ${error.message}\n`);
  process.exit(STATUS_USAGE);
}
