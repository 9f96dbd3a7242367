/** What the user is told when a command fails, and the exit status. */

import {
  AssemblyError,
  formatDiagnostic,
  ImageError,
  MachineError,
  MemoryError,
  OutOfFrames,
} from '../index.ts';
import { FileError } from '../node/index.ts';
import { complain, note } from './output.ts';
import { STATUS_INTERNAL, STATUS_USAGE } from './status.ts';
import { UsageError } from './usage-error.ts';

const EXPECTED = [
  ...[UsageError, FileError, ImageError],
  ...[MachineError, MemoryError, OutOfFrames],
] as const;

/** Reports `error` on stderr; returns the exit status. */
export function reportFailure(error: unknown): number {
  if (error instanceof AssemblyError) {
    for (const diagnostic of error.diagnostics) note(formatDiagnostic(diagnostic));
    return STATUS_USAGE;
  }
  if (EXPECTED.some((kind) => error instanceof kind)) {
    complain([error instanceof Error ? firstLine(error.message) : String(error)]);
    return STATUS_USAGE;
  }
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  complain(['internal error, please report it', text]);
  return STATUS_INTERNAL;
}

function firstLine(message: string): string {
  return message.split('\n', 1)[0] ?? message;
}
