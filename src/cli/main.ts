#!/usr/bin/env node
/** The command line. A command's module is loaded when it is called, so that start-up stays light. */

import { parse } from './parser.ts';
import { STATUS_USAGE } from './status.ts';

process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(); // whoever read our output is gone
  process.stderr.write(`trapline: stdout: ${error.message}\n`);
  process.exit(STATUS_USAGE);
});

try {
  process.exitCode = await parse(process.argv.slice(2));
} catch (error) {
  const { reportFailure } = await import('./failure.ts');
  process.exitCode = reportFailure(error);
}
