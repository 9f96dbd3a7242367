/** A virtual PC: a VM on its board. */

import { checkVersion, type Versioned } from '../base/state.ts';
import { Board, type BoardOptions, type BoardState } from '../pc/board.ts';
import type { HostOptions } from './host.ts';
import { createVirtualMachine, type FullVirtualMachine, type VmState } from './virtual-machine.ts';
import type { FullVmOptions } from './vm-options.ts';

export interface VirtualPcOptions extends FullVmOptions, HostOptions, BoardOptions {}

/** A whole virtual PC between two steps: plain data. Every technique can go on from it. */
export interface VirtualPcState extends Versioned, BoardState {
  readonly vm: VmState;
}

const STATE_VERSION = 1;

export class VirtualPc extends Board {
  readonly vm: FullVirtualMachine;

  /** `module` is the compiled processor (dist/trapline.wasm); `state` is for VirtualPc.restore. */
  constructor(module: WebAssembly.Module, options: VirtualPcOptions, state?: VirtualPcState) {
    const vm = createVirtualMachine(module, options, state?.vm);
    super(vm.machine, options, state);
    this.vm = vm;
  }

  /** The whole PC, at an instruction boundary: not while a step runs. `ram` is a copy of its RAM, where there is one. */
  save(ram?: Uint8Array): VirtualPcState {
    return { version: STATE_VERSION, vm: this.vm.save(ram), ...this.saveDevices() };
  }

  /** A virtual PC that goes on from `state` as the saved one would; technique, sinks and limits are the options'. */
  static restore(
    module: WebAssembly.Module,
    options: Omit<VirtualPcOptions, 'ramBytes' | 'features' | 'seed' | 'startDate' | 'fwCfgFiles'>,
    state: VirtualPcState,
  ): VirtualPc {
    checkVersion('a virtual PC', state, STATE_VERSION);
    return new VirtualPc(module, options, state);
  }
}
