/** What all guests have outside their processor, whatever runs them: a machine, and a line to the terminal. */

import type { Machine } from '../machine/machine.ts';

/** The far end of the line. */
export interface TerminalEnd {
  /** Live input: goes on the line at once. */
  receive(byte: number): void;
  /** Announces an input that is to be asked for; without one nothing ever is. */
  openInput(): void;
  /** The next byte of that input, undefined at its end. */
  supply(byte: number | undefined): void;
}

export interface GuestBoard {
  readonly machine: Machine;
  readonly com1: TerminalEnd;
  /** The guest sleeps, and a byte on the line would wake it up. */
  readonly sleepsForInput: boolean;
}
