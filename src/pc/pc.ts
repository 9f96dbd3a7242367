/** A PC: a bare machine on its board. */

import { checkVersion, type Versioned } from '../base/state.ts';
import { Machine, type MachineOptions, type MachineState } from '../machine/machine.ts';
import { Board, type BoardOptions, type BoardState } from './board.ts';

export interface PcOptions extends MachineOptions, BoardOptions {}

/** A whole PC between two steps, in memory: plain data. */
export interface PcState extends Versioned, BoardState {
  readonly machine: MachineState;
}

const STATE_VERSION = 1;

export class Pc extends Board {
  /** `module` is the compiled processor (dist/trapline.wasm); `state` is for Pc.restore. */
  constructor(module: WebAssembly.Module, options: PcOptions = {}, state?: PcState) {
    const machine = state
      ? Machine.restore(module, options, state.machine)
      : Machine.bare(module, options);
    super(machine, options, state);
  }

  /** The whole PC, at an instruction boundary: not while a step runs. `ram` is a copy of RAM, where there is one. */
  save(ram?: Uint8Array): PcState {
    return { version: STATE_VERSION, machine: this.machine.save(ram), ...this.saveDevices() };
  }

  /** A PC that goes on from `state` as the saved one would; sinks and limits are the options'. */
  static restore(
    module: WebAssembly.Module,
    options: Omit<PcOptions, 'ramBytes' | 'features' | 'seed' | 'startDate' | 'fwCfgFiles'>,
    state: PcState,
  ): Pc {
    checkVersion('the PC', state, STATE_VERSION);
    return new Pc(module, options, state);
  }
}
