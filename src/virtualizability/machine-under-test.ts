/**
 * What a machine must offer to be classified. Popek and Goldberg's machine has states S = (memory, mode, program-visible
 * registers, R); the one here draws states by itself, since only it knows which are worth a try, and sets each of them
 * in either mode, with any of its resources R other than drawn. What it is made of is its own affair.
 */

import type { RandomSource } from '../isa/random.ts';

/** Supervisor and user mode: CPL 0 and 3. */
export type ProgramMode = 'supervisor' | 'user';

/** The name under which a change of the mode is reported beside resources. */
export const MODE = 'mode';

/** An instruction in one form of its operands. */
export interface Form {
  readonly mnemonic: string;
  readonly text: string;
}

/** What is done with a drawn state before an instruction is executed in it. */
export interface Situation {
  readonly mode: ProgramMode;
  /** Resources that are set to something else than drawn; all that a program can see of the rest stays. */
  readonly varied: readonly string[];
  /** Control bits that are set so that instructions trap. */
  readonly controls: readonly string[];
}

/**
 * How an instruction ended. `trap`: an exception kept it from completing. `memory fault`: an exception of the memory
 * mapping did, which the theorems set apart. `unknown`: the machine cannot tell, and the state does not count.
 */
export type Outcome = 'completed' | 'trap' | 'memory fault' | 'unknown';

export interface MachineUnderTest {
  /** A name for reports. */
  readonly name: string;
  readonly forms: readonly Form[];
  /** The resources R by name, those that say where the program lies ("location") included. */
  readonly resources: readonly string[];
  /** Control bits that may make instructions trap, by name. */
  readonly controls: readonly string[];
  /** Draws a state and an instruction of form number `form`; false if there is none this time. */
  draw(form: number, random: RandomSource): boolean;
  /** Sets the drawn state as `situation` wants it. */
  reset(situation: Situation): void;
  /** Executes the drawn instruction. */
  execute(): Outcome;
  /** Resources, and MODE, that differ from what `reset` has set. */
  changed(): readonly string[];
  /** What the program sees of the state: equal values for equal registers and bytes. */
  result(): string | number;
  /** How large the drawn state is: of two witnesses the one with the smaller weight is shown. */
  weight(): number;
}
