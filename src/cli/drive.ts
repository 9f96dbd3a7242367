/** Runs a PC to its end, letting the process do other things every few milliseconds. */

import type { Pc, RunEnd } from '../index.ts';
import type { PipedInput, Terminal } from './terminal.ts';

/** Host time between two looks at the terminal. */
const TURN_MS = 20;

/** Why driving ended: the run did, or the user left. */
export type DriveEnd = RunEnd | { readonly kind: 'left' };

/** Stdin, or nothing where COM1 is not the terminal. */
export type Input = Terminal | PipedInput | undefined;

/** `flush` is called whenever the guest's output should be seen. */
export async function drive(pc: Pc, input: Input, flush: () => void): Promise<DriveEnd> {
  for (;;) {
    const end = runTurn(pc, input);
    flush();
    if (input?.hasLeft) return { kind: 'left' };
    if (end === undefined) await new Promise(setImmediate);
    else if (end.kind === 'input') pc.com1.supply(await nextByte(input));
    else if (end.kind === 'halted' && input?.isLive && pc.sleepsForInput) await input.key();
    else return end;
  }
}

async function nextByte(input: Input): Promise<number | undefined> {
  return input === undefined || input.isLive ? undefined : input.next();
}

/** Runs for a while, or until something has to be waited for: bytes at hand are supplied at once. */
function runTurn(pc: Pc, input: Input): RunEnd | undefined {
  const until = performance.now() + TURN_MS;
  for (;;) {
    const end = pc.machine.step();
    if (end?.kind === 'input' && input?.isLive === false && input.hasByte) {
      pc.com1.supply(input.take());
    } else if (end !== undefined) return end;
    if (performance.now() >= until) return undefined;
  }
}
