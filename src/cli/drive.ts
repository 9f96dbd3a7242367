/** Runs a PC to its end, letting the process do other things every few milliseconds. */

import type { Board, RunEnd } from '../index.ts';
import type { InputTarget } from './input-target.ts';
import type { Leaving } from './leaving.ts';
import { Pace } from './pace.ts';
import type { PipedInput, Terminal } from './terminal.ts';

/** Host time between two looks at the terminal, in seconds. */
const TURN = 0.02;

/** Why driving ended: the run did, or the user left. */
export type DriveEnd = RunEnd | { readonly kind: 'left'; readonly why: string };

/** Stdin, or nothing where it does not reach the guest. */
export type Input = Terminal | PipedInput | undefined;

/** `target` gets what comes on `input`; `flush` is called whenever the guest's output should be seen. */
export async function drive(
  pc: Board,
  input: Input,
  target: InputTarget | undefined,
  leaving: Leaving,
  flush: () => void,
): Promise<DriveEnd> {
  const pace = input?.isLive ? new Pace(pc.machine) : undefined;
  for (;;) {
    const end = runTurn(pc, input, target, pace);
    flush();
    if (end === undefined) await pause(pace);
    else if (end.kind === 'input') await Promise.race([supplyNext(input, target), leaving.asked]);
    else if (end.kind === 'halted' && input?.isLive && target?.sleeps) {
      await Promise.race([input.key(), leaving.asked]);
    } else return end;
    if (leaving.why !== undefined) return { kind: 'left', why: leaving.why };
  }
}

/** Lets the process do other things, for as long as the guest is ahead of its user. */
function pause(pace: Pace | undefined): Promise<void> {
  const ms = pace?.pauseMs() ?? 0;
  return new Promise((resolve) => (ms > 0 ? setTimeout(resolve, ms) : setImmediate(resolve)));
}

async function supplyNext(input: Input, target: InputTarget | undefined): Promise<void> {
  target?.supply(await nextByte(input));
}

async function nextByte(input: Input): Promise<number | undefined> {
  return input === undefined || input.isLive ? undefined : input.next();
}

/** Runs for a while, or until something has to be waited for: bytes at hand are supplied at once. */
function runTurn(
  pc: Board,
  input: Input,
  target: InputTarget | undefined,
  pace: Pace | undefined,
): RunEnd | undefined {
  const until = process.uptime() + TURN;
  for (;;) {
    const end = pc.machine.step();
    if (end?.kind === 'input' && input?.isLive === false && input.hasByte) {
      target?.supply(input.take());
    } else if (end !== undefined) return end;
    if (process.uptime() >= until || (pace && pace.pauseMs() > 0)) return undefined;
  }
}
