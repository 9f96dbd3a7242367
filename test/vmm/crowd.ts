/** Several guests on one machine, for comparing each with its run alone. */

import { loadImage } from '../../src/image/load.ts';
import type { GuestFile } from '../../src/node/guest-file.ts';
import { Board } from '../../src/pc/board.ts';
import { Scheduler } from '../../src/vmm/scheduler.ts';
import { createVirtualMachines, type FullVirtualMachine } from '../../src/vmm/virtual-machine.ts';
import type { FullVmOptions } from '../../src/vmm/vm-options.ts';
import { module, type Outcome, outcomeOf } from './lockstep.ts';

/** A guest of a crowd. */
export interface Member extends FullVmOptions {
  readonly guest: GuestFile;
  readonly weight: number;
  /** What comes from COM1. */
  readonly input?: Iterable<number>;
  /** It stops where its input is used up, in place of seeing the end of it. */
  readonly stopsForInput?: boolean;
}

/** A member that was put on the machine. */
export interface Resident {
  readonly vm: FullVirtualMachine;
  readonly machine: FullVirtualMachine['machine'];
  readonly board: Board;
  readonly weight: number;
  readonly sent: number[];
  readonly input: Iterator<number>;
  readonly stopsForInput: boolean;
  /** Once it has ended. */
  outcome: Outcome | undefined;
}

export class Crowd {
  readonly residents: readonly Resident[];
  readonly #scheduler = new Scheduler<Resident>();

  constructor(members: readonly Member[]) {
    const vms = createVirtualMachines(module, members);
    this.residents = members.map(({ guest, weight, input = [], stopsForInput = false }, n) => {
      const vm = vms[n] as FullVirtualMachine;
      const sent: number[] = [];
      const { machine } = vm;
      const board = new Board(machine, { com1: (byte) => sent.push(byte) });
      loadImage(machine, guest.image);
      board.com1.openInput();
      const iterator = input[Symbol.iterator]();
      const talk = { board, sent, input: iterator, stopsForInput };
      return { vm, machine, weight, ...talk, outcome: undefined };
    });
    for (const resident of this.residents) this.#scheduler.add(resident);
  }

  get isIdle(): boolean {
    return this.#scheduler.isIdle;
  }

  /** One step of the scheduler: who made it. */
  step(): Resident {
    const { task, end } = this.#scheduler.step();
    if (end === undefined) return task;
    const { done, value } = end.kind === 'input' ? task.input.next() : { done: true };
    if (end.kind !== 'input' || (done && task.stopsForInput)) {
      task.outcome = outcomeOf(task.machine, end, task.sent);
      return task;
    }
    task.board.com1.supply(done ? undefined : value);
    this.#scheduler.add(task);
    return task;
  }

  /** Runs all to their ends. */
  run(): (Outcome | undefined)[] {
    while (!this.isIdle) this.step();
    return this.residents.map(({ outcome }) => outcome);
  }
}
