/** What a command that runs guests says in the end. */

import { explainEnd, explainStop, type GuestBoard } from '../index.ts';
import type { GuestFile } from '../node/index.ts';
import type { DriveEnd } from './drive.ts';
import { complain } from './output.ts';
import { STATUS_ABNORMAL, STATUS_OK } from './status.ts';

/** The exit status. */
export function statusOf(end: DriveEnd): number {
  if (end.kind === 'exit') return end.status;
  return end.kind === 'off' ? STATUS_OK : STATUS_ABNORMAL;
}

/** Tells why, if the end was not a clean one. */
export function explain(
  name: string,
  { machine }: GuestBoard,
  end: DriveEnd,
  { symbols }: GuestFile,
): void {
  if (end.kind === 'exit' || end.kind === 'off') return;
  const [first = '', ...rest] =
    end.kind === 'left'
      ? explainStop(machine, end.why, symbols)
      : explainEnd(machine, end, symbols);
  complain([name === '' ? first : `${name}: ${first}`, ...rest]);
}
